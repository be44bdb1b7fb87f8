#include "tools/report_server.h"

#include <charconv>
#include <thread>

#include <httplib.h>

#include "support/error.h"

namespace gradc {

struct ReportServer::Implementation {
  httplib::Server server;
  std::string url;
  std::thread thread;
};

ReportServer::ReportServer(const std::string& address, std::function<std::string()> page, std::function<std::string()> data)
    : implementation_(std::make_unique<Implementation>()) {
  auto colon = address.rfind(':');
  auto host = colon == std::string::npos ? "127.0.0.1" : address.substr(0, colon);
  auto number = colon == std::string::npos ? address : address.substr(colon + 1);
  int port = -1;
  auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), port);
  if (error != std::errc() || end != number.data() + number.size() || port < 0 || port > 65535)
    throw Error("--report-live {}: \"{}\" is no port, a number from 0 to 65535", address, number);
  auto& server = implementation_->server;
  // A few readers at most; and another process that listens there must be an error, which sharing the port would hide.
  server.new_task_queue = [] { return new httplib::ThreadPool(2); };
  server.set_socket_options([](socket_t) {});
  server.set_keep_alive_timeout(1);
  server.Get("/", [page](const httplib::Request&, httplib::Response& response) { response.set_content(page(), "text/html"); });
  server.Get("/data.json", [data](const httplib::Request&, httplib::Response& response) {
    response.set_header("Cache-Control", "no-store");
    response.set_content(data(), "application/json");
  });
  bool bound = port == 0 ? (port = server.bind_to_any_port(host.c_str())) > 0 : server.bind_to_port(host.c_str(), port);
  if (!bound)
    throw Error("--report-live {}: {} cannot be listened at; is another process there? Take another port, or 0 for any that is free",
                address, host + ":" + number);
  implementation_->url = fmt::format("http://{}:{}/", host, port);
  implementation_->thread = std::thread([&server] { server.listen_after_bind(); });
}

ReportServer::~ReportServer() {
  // Between binding and listening a stop would be lost.
  while (!implementation_->server.is_running()) std::this_thread::yield();
  implementation_->server.stop();
  implementation_->thread.join();
}

const std::string& ReportServer::url() const { return implementation_->url; }

}  // namespace gradc
