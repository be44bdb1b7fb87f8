#include "tools/report_server.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <list>
#include <vector>

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gradc/error.h"

namespace gradc {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::seconds(5);
constexpr std::size_t kMostClients = 32, kMostRequestBytes = 8192;

bool is_address(const std::string& host) {
  in6_addr bytes;
  return inet_pton(AF_INET, host.c_str(), &bytes) == 1 || inet_pton(AF_INET6, host.c_str(), &bytes) == 1;
}

/// A listening socket, or -1 with errno. Sets `port` to its port.
int listen_at(const std::string& host, int& port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    errno = EADDRNOTAVAIL;
    return -1;
  }
  int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  // A port is free again as soon as its listener has ended; another listener is still an error.
  int on = 1;
  if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  bool listens = fd >= 0 && bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, 16) == 0 &&
                 getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) == 0;
  freeaddrinfo(found);
  if (listens) {
    port = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(bound).sin_port);
    return fd;
  }
  if (auto reason = errno; fd >= 0) {
    close(fd);
    errno = reason;
  }
  return -1;
}

std::string response(const char* status, const std::string& type, const std::string& body) {
  return fmt::format(
             "HTTP/1.1 {}\r\nContent-Type: {}; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n"
             "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
             status, type, body.size()) +
         body;
}

/// The name in a Host header's value, without its port.
std::string without_port(const std::string& host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

/// The value of a request's header, if it has it once.
std::string header(const std::string& request, const std::string& name) {
  std::string value;
  int count = 0;
  for (auto at = request.find("\r\n"); at != std::string::npos && at + 2 < request.size(); at = request.find("\r\n", at + 2)) {
    auto line = request.substr(at + 2, request.find("\r\n", at + 2) - at - 2);
    auto colon = line.find(':');
    if (colon != name.size()) continue;
    std::transform(line.begin(), line.end(), line.begin(), [](unsigned char c) { return std::tolower(c); });
    if (!line.starts_with(name)) continue;
    auto first = line.find_first_not_of(" \t", colon + 1);
    value = first == std::string::npos ? "" : line.substr(first, line.find_last_not_of(" \t") - first + 1);
    ++count;
  }
  return count == 1 ? value : "";
}

}  // namespace

struct ReportServer::Client {
  int fd;
  Clock::time_point deadline = Clock::now() + kPatience;
  std::string request, answer;
  std::size_t sent = 0;
  bool done = false;

  explicit Client(int descriptor) : fd(descriptor) {}
  ~Client() { close(fd); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Reads what has come. Whether the request is whole.
  bool receive() {
    char buffer[4096];
    auto got = recv(fd, buffer, sizeof buffer, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    // After its answer a client has only its end to tell; before that a closed connection or a long request is none.
    done = got <= 0 || request.size() > kMostRequestBytes;
    if (done || !answer.empty()) return false;
    request.append(buffer, static_cast<std::size_t>(got));
    return request.find("\r\n\r\n") != std::string::npos;
  }

  void send_more() {
    auto went = send(fd, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
    if (went < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (went <= 0) {
      done = true;
      return;
    }
    sent += static_cast<std::size_t>(went);
    deadline = Clock::now() + kPatience;
    // Closing now could take what is on its way from a client that has sent more than was read: it closes first.
    if (sent == answer.size()) shutdown(fd, SHUT_WR);
  }
};

ReportServer::ReportServer(const std::string& address, std::function<std::string()> page, std::function<std::string()> data)
    : page_(std::move(page)), data_(std::move(data)) {
  auto colon = address.rfind(':');
  host_ = colon == std::string::npos ? "127.0.0.1" : address.substr(0, colon);
  if (host_.starts_with('[') && host_.ends_with(']')) host_ = host_.substr(1, host_.size() - 2);
  auto number = colon == std::string::npos ? address : address.substr(colon + 1);
  int port = -1;
  auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), port);
  if (error != std::errc() || end != number.data() + number.size() || port < 0 || port > 65535)
    throw Error("--report-live {}: \"{}\" is no port, a number from 0 to 65535", address, number);
  listener_ = listen_at(host_, port);
  if (listener_ < 0)
    throw Error("--report-live {}: {} cannot be listened at: {}; is another process there? Take another port, or 0 for any that is free",
                address, host_ + ":" + number, std::strerror(errno));
  url_ = fmt::format("http://{}:{}/", host_.find(':') == std::string::npos ? host_ : "[" + host_ + "]", port);
  stop_ = eventfd(0, EFD_CLOEXEC);
  try {
    thread_ = std::thread([this] { serve(); });
  } catch (...) {
    close(listener_);
    close(stop_);
    throw;
  }
}

ReportServer::~ReportServer() {
  eventfd_write(stop_, 1);
  thread_.join();
  close(listener_);
  close(stop_);
}

void ReportServer::serve() {
  std::list<Client> clients;
  for (;;) {
    std::vector<pollfd> waits = {{stop_, POLLIN, 0}, {listener_, POLLIN, 0}};
    auto until = Clock::time_point::max();
    for (const auto& client : clients) {
      waits.push_back({client.fd, static_cast<short>(client.sent < client.answer.size() ? POLLOUT : POLLIN), 0});
      until = std::min(until, client.deadline);
    }
    auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (poll(waits.data(), waits.size(), clients.empty() ? -1 : static_cast<int>(std::max<std::int64_t>(left, 0))) < 0 && errno != EINTR)
      return;
    if (waits[0].revents != 0) return;
    auto wait = waits.begin() + 2;
    for (auto& client : clients) {
      auto ready = (wait++)->revents != 0;
      if (ready && client.sent < client.answer.size())
        client.send_more();
      else if (ready && client.receive())
        client.answer = answer(client.request);
    }
    clients.remove_if([now = Clock::now()](const Client& client) { return client.done || client.deadline <= now; });
    if (waits[1].revents == 0) continue;
    if (int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC); fd >= 0) {
      if (clients.size() == kMostClients) clients.pop_front();
      clients.emplace_back(fd);
    } else if (errno == EMFILE || errno == ENFILE) {
      poll(waits.data(), 1, 100);  // Who waits to be accepted waits on.
    }
  }
}

bool ReportServer::serves(const std::string& host) const {
  if (host == "localhost" || host == "::1" || (is_address(host) && host.starts_with("127."))) return true;
  // Whoever asked to be reached from elsewhere is, by that name; at all addresses by any address, which no name server can turn here.
  return host == host_ || ((host_ == "0.0.0.0" || host_ == "::") && is_address(host));
}

std::string ReportServer::answer(const std::string& request) const try {
  auto host = header(request, "host");
  if (!serves(without_port(host))) return response("403 Forbidden", "text/plain", fmt::format("This report is at {}\n", url_));
  auto line = request.substr(0, request.find("\r\n"));
  if (!line.starts_with("GET ")) return response("405 Method Not Allowed", "text/plain", "GET alone\n");
  auto path = line.substr(4, line.find_first_of(" ?", 4) - 4);
  if (path == "/") return response("200 OK", "text/html", page_());
  if (path == "/data.json") return response("200 OK", "application/json", data_());
  return response("404 Not Found", "text/plain", "Not found\n");
} catch (const std::exception& error) {
  // The training goes on without a page.
  return response("500 Internal Server Error", "text/plain", std::string(error.what()) + "\n");
}

}  // namespace gradc
