// What a server's answers say about sending more.

#if Web
import Errand
@testable import ErrandSentry
import Testing

@Suite struct RateLimitTests {
    private static let wall = Timestamp("1994-11-06T08:49:07Z")!

    private func pause(_ status: Int, _ limits: [String] = [], retryAfter: String? = nil) -> Duration? {
        var limit = RateLimit()
        limit.note(status: status, limits: limits, retryAfter: retryAfter, uptime: .seconds(1000), wall: RateLimitTests.wall)
        return limit.until.map { $0 - .seconds(1000) }
    }

    @Test(
        arguments: [
            ("60::organization", 60), ("60:error:project:reason", 60), ("60", 60), ("2700:default;error;security:organization", 2700),
            ("60:transaction:key", nil), ("60:transaction:key, 120::organization", 120), ("60:error:key,30::organization", 60),
            ("0:error:key", nil), ("-5:error:key", nil), ("1.2:error:key", 2), ("soon:error:key", nil), ("", nil), (",,", nil),
            (" 7 : error : key ", 7), ("60:metric_bucket:organization:quota:custom", nil), ("1e300:error", 864_000),
        ] as [(String, Int?)])
    func `the header of rate limits counts on any status, for all categories or for errors`(header: String, seconds: Int?) {
        #expect(pause(200, [header]) == seconds.map { .seconds($0) })
        #expect(pause(503, [header]) == seconds.map { .seconds($0) })
    }

    @Test(
        arguments: [
            ("30", 30), ("0", nil), ("Sun, 06 Nov 1994 08:49:37 GMT", 30), ("Sun, 06 Nov 1994 08:49:07 GMT", nil),
            ("Sun, 06 Nov 1994 08:00:00 GMT", nil), ("tomorrow", 60), ("", 60), (nil, 60),
        ] as [(String?, Int?)])
    func `a 429 without that header pauses for Retry-After, or for a minute`(retryAfter: String?, seconds: Int?) {
        #expect(pause(429, retryAfter: retryAfter) == seconds.map { .seconds($0) })
        #expect(pause(429, ["nonsense"], retryAfter: retryAfter) == seconds.map { .seconds($0) })
    }

    @Test func `the header of rate limits wins over Retry-After`() {
        #expect(pause(429, ["5:error:key"], retryAfter: "30") == .seconds(5))
        #expect(pause(429, ["5:transaction:key"], retryAfter: "30") == nil)
    }

    @Test(arguments: [200, 400, 401, 413, 500, 503])
    func `Retry-After means nothing on other statuses`(status: Int) { #expect(pause(status, retryAfter: "30") == nil) }

    @Test func `several headers count together, and the longest time holds`() {
        #expect(pause(200, ["5:error:key", "9::organization"]) == .seconds(9))
        var limit = RateLimit()
        limit.note(status: 200, limits: ["60::key"], retryAfter: nil, uptime: .seconds(10), wall: RateLimitTests.wall)
        limit.note(status: 429, limits: [], retryAfter: "5", uptime: .seconds(11), wall: RateLimitTests.wall)
        limit.note(status: 200, limits: [], retryAfter: nil, uptime: .seconds(12), wall: RateLimitTests.wall)
        #expect(limit.forbids(at: .seconds(69)))
        #expect(!limit.forbids(at: .seconds(70)))
    }
}
#endif
