// The server of `gradc train --report-live`, whatever its clients do.
#include "tools/report_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <memory>

#include "gradc/error.h"

namespace gradc::test {
namespace {

using Clock = std::chrono::steady_clock;
using testing::HasSubstr;
using testing::StartsWith;

std::unique_ptr<ReportServer> serve(const std::string& address = "0", const std::string& page = "<p>page</p>") {
  return std::make_unique<ReportServer>(address, [page] { return page; }, [] { return R"({"step":1})"; });
}

std::string port_of(const ReportServer& server) {
  auto url = server.url();
  return url.substr(url.rfind(':') + 1, url.size() - url.rfind(':') - 2);
}

int connect_to(const ReportServer& server) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port_of(server))));
  inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  return fd;
}

/// All that comes back until the server closes.
std::string ask(const ReportServer& server, const std::string& request) {
  int fd = connect_to(server);
  EXPECT_EQ(send(fd, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[65536];
  for (ssize_t got; (got = recv(fd, buffer, sizeof buffer, 0)) > 0;) answer.append(buffer, static_cast<std::size_t>(got));
  close(fd);
  return answer;
}

std::string get(const ReportServer& server, const std::string& path, const std::string& host) {
  return ask(server, "GET " + path + " HTTP/1.1\r\nUser-Agent: test\r\nHOST: " + host + "\r\n\r\n");
}

TEST(ReportServer, ServesThePageAndItsData) {
  auto server = serve("0", std::string(3 << 20, 'x'));
  auto page = get(*server, "/", "127.0.0.1:" + port_of(*server));
  EXPECT_THAT(page, StartsWith("HTTP/1.1 200 OK\r\nContent-Type: text/html"));
  EXPECT_EQ(page.size() - page.find("\r\n\r\n") - 4, 3u << 20);
  EXPECT_THAT(get(*server, "/data.json?now", "localhost"), HasSubstr("\r\n\r\n{\"step\":1}"));
  EXPECT_THAT(get(*server, "/none", "localhost"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(ask(*server, "POST / HTTP/1.1\r\nHost: localhost\r\n\r\n"), StartsWith("HTTP/1.1 405"));
}

TEST(ReportServer, ServesNamesOfThisMachineAlone) {
  auto server = serve();
  for (const char* host : {"localhost:1", "127.0.0.1", "127.9.9.9:80", "[::1]:8080", "LOCALHOST"})
    EXPECT_THAT(get(*server, "/", host), StartsWith("HTTP/1.1 200")) << host;
  for (const char* host : {"example.com", "127.0.0.1.example.com", "localhost.example.com", "192.168.0.1", "", "[", "a\r\nHost: localhost"})
    EXPECT_THAT(get(*server, "/data.json", host), StartsWith("HTTP/1.1 403")) << host;
  EXPECT_THAT(ask(*server, "GET / HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 403"));
  auto everywhere = serve("0.0.0.0:0");
  EXPECT_THAT(get(*everywhere, "/", "192.168.0.1"), StartsWith("HTTP/1.1 200")) << "asked to be reached at any address";
  EXPECT_THAT(get(*everywhere, "/", "example.com"), StartsWith("HTTP/1.1 403"));
}

TEST(ReportServer, EndsAtOnceWhateverItsClientsDo) {
  auto server = serve("0", std::string(16 << 20, 'x'));
  std::vector<int> clients;
  // Some say nothing, some half a request, some take nothing of a long answer; there are more than it attends to.
  for (const char* request : {"", "GET / HT", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"})
    for (int i = 0; i < 15; ++i) {
      clients.push_back(connect_to(*server));
      EXPECT_GE(send(clients.back(), request, std::string(request).size(), MSG_NOSIGNAL), 0);
    }
  EXPECT_THAT(get(*server, "/data.json", "localhost"), StartsWith("HTTP/1.1 200")) << "another is served beside them";
  auto address = port_of(*server);
  auto start = Clock::now();
  server.reset();
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(1));
  // Their connections linger; the port is free all the same.
  auto again = serve(address);
  EXPECT_THAT(get(*again, "/", "localhost"), StartsWith("HTTP/1.1 200"));
  EXPECT_THROW(serve(address), Error) << "a port that is taken";
  for (int fd : clients) close(fd);
}

}  // namespace
}  // namespace gradc::test
