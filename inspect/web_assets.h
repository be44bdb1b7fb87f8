#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gradc {

/// A file of inspect/web, or a library that the pages carry, as it was when gradc was built.
std::string_view web_asset(std::string_view name);

/// A page whose @NAME@ are replaced, each once: by assets and by what is given. JSON is safe within a script element.
std::string filled_page(std::string_view page, const std::vector<std::pair<std::string, std::string>>& parts);

/// JSON text that can stand in a script element: without "<", no "</script" ends it and no "<!--<script" lets that be passed over.
std::string script_safe(std::string json);
std::string html_escaped(const std::string& text);

}  // namespace gradc
