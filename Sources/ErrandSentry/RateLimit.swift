// How long a server wants no events, from what its answers say. Pure.

#if Web
import Errand
import ErrandContext

/// When events may be sent again. Source: https://develop.sentry.dev/sdk/expected-features/rate-limiting/.
struct RateLimit: Hashable, Sendable {
    /// In uptime; `nil` when nothing is forbidden.
    private(set) var until: Duration?

    /// How long a server that says "too many" without saying how long is left alone: 60 seconds.
    static let fallback = Duration.seconds(60)
    /// The longest time that is believed: ten days.
    static let longest = Duration.seconds(10 * 86_400)

    /// Whether events are to be dropped at `uptime`.
    func forbids(at uptime: Duration) -> Bool { until.map { uptime < $0 } ?? false }

    /// Takes in an answer. The longest time that any answer named holds; a shorter one never ends it early.
    /// - Parameters:
    ///   - status: Its HTTP status.
    ///   - limits: The values of its `X-Sentry-Rate-Limits` headers.
    ///   - retryAfter: The value of its `Retry-After` header.
    mutating func note(status: Int, limits: [String], retryAfter: String?, uptime: Duration, wall: Timestamp) {
        guard let pause = RateLimit.pause(status: status, limits: limits, retryAfter: retryAfter, wall: wall), pause > .zero else {
            return
        }
        until = max(until ?? .zero, uptime + min(pause, RateLimit.longest))
    }

    private static func pause(status: Int, limits: [String], retryAfter: String?, wall: Timestamp) -> Duration? {
        let groups = limits.flatMap { $0.split(separator: ",") }.compactMap(Group.init)
        guard groups.isEmpty else { return groups.filter(\.meansEvents).map(\.pause).max() }
        guard status == 429 else { return nil }
        guard let retryAfter else { return fallback }
        return seconds(retryAfter) ?? httpDate(retryAfter).map { $0 - wall } ?? fallback
    }

    /// One limit of the header: `seconds:categories:scope:reason`, of which the first two matter.
    private struct Group {
        let pause: Duration
        let meansEvents: Bool

        init?(_ text: Substring) {
            let fields = text.split(separator: ":", omittingEmptySubsequences: false).map { $0.filter { $0 != " " } }
            guard let first = fields.first, let pause = RateLimit.seconds(first) else { return nil }
            self.pause = pause
            let categories = fields.count > 1 ? fields[1].split(separator: ";") : []
            // No category means all of them; an event's is called `error`.
            meansEvents = categories.isEmpty || categories.contains("error")
        }
    }

    private static func seconds(_ text: String) -> Duration? {
        guard let seconds = Double(text.filter { $0 != " " }), seconds.isFinite, seconds >= 0 else { return nil }
        return .seconds(min(seconds, 1e9).rounded(.up))
    }

    /// Reads the form of HTTP dates that is in use, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
    static func httpDate(_ text: String) -> Timestamp? {
        let fields = text.split(separator: " ")
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard fields.count == 6, fields[5] == "GMT", fields[3].utf8.count == 4, let month = months.firstIndex(of: String(fields[2]))
        else { return nil }
        return Timestamp("\(fields[3])-\(month < 9 ? "0" : "")\(month + 1)-\(fields[1])T\(fields[4])Z")
    }
}
#endif
