#pragma once
/// Shows a training's report in a browser while the training goes on.

#include <functional>
#include <memory>
#include <string>

namespace gradc {

class ReportServer {
 public:
  /// Listens at "PORT" of this machine alone, or at "HOST:PORT"; port 0 is any that is free. `page` and `data` are called by the server's
  /// own threads. Throws gradc::Error if the address cannot be listened at.
  ReportServer(const std::string& address, std::function<std::string()> page, std::function<std::string()> data);
  ~ReportServer();

  /// Where the page is: "http://127.0.0.1:8080/".
  const std::string& url() const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace gradc
