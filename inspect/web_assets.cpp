#include "inspect/web_assets.h"

#include "gradc/error.h"

namespace gradc {

// Made by CMake: cmake/embed.cmake.
struct WebAsset {
  const char* name;
  const unsigned char* bytes;
  std::size_t size;
};
extern const WebAsset web_assets[];
extern const std::size_t web_asset_count;

std::string_view web_asset(std::string_view name) {
  for (std::size_t i = 0; i < web_asset_count; ++i)
    if (name == web_assets[i].name) return {reinterpret_cast<const char*>(web_assets[i].bytes), web_assets[i].size};
  throw InternalError("no web asset " + std::string(name));
}

std::string filled_page(std::string_view page, const std::vector<std::pair<std::string, std::string>>& parts) {
  std::string out;
  for (std::size_t at = 0; at < page.size();) {
    auto mark = page.find('@', at);
    out += page.substr(at, mark - at);
    if (mark == std::string_view::npos) break;
    at = mark;
    bool found = false;
    for (const auto& [name, text] : parts)
      if (page.substr(mark + 1, name.size() + 1) == name + "@") {
        out += text;
        at = mark + name.size() + 2;
        found = true;
      }
    if (!found) out += page[at++];
  }
  return out;
}

std::string script_safe(std::string json) {
  for (auto at = json.find('<'); at != std::string::npos; at = json.find('<', at)) json.replace(at, 1, "\\u003c");
  return json;
}

std::string html_escaped(const std::string& text) {
  std::string out;
  for (char c : text) switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  return out;
}

}  // namespace gradc
