#pragma once
/// Shows a training's report in a browser while the training goes on.

#include <functional>
#include <string>
#include <thread>

namespace gradc {

/// An HTTP server of two pages, small enough that nothing its clients do or leave undone keeps it: one thread waits for all of them at
/// once, each has a few seconds, and the one who waits for longest makes room. Names that lead here from elsewhere (DNS rebinding) are
/// refused.
class ReportServer {
 public:
  /// Listens at "PORT" of this machine alone, or at "HOST:PORT"; port 0 is any that is free. `page` and `data` are called by the server's
  /// own thread. Throws gradc::Error if the address cannot be listened at.
  ReportServer(const std::string& address, std::function<std::string()> page, std::function<std::string()> data);
  /// Ends at once.
  ~ReportServer();
  ReportServer(const ReportServer&) = delete;
  ReportServer& operator=(const ReportServer&) = delete;

  /// Where the page is: "http://127.0.0.1:8080/".
  const std::string& url() const { return url_; }

 private:
  struct Client;

  void serve();
  std::string answer(const std::string& request) const;
  bool serves(const std::string& host) const;

  std::function<std::string()> page_, data_;
  std::string host_, url_;
  int listener_ = -1, stop_ = -1;  ///< Descriptors: of the port, and one that becomes readable at the end.
  std::thread thread_;
};

}  // namespace gradc
