// What a program may say about the events that it sends.

#if Web
public import Errand
public import Logging

/// How failed executions become events; everything has a default.
public struct SentryOptions: Sendable {
    /// Which failed attempts are reported.
    public enum Attempts: Sendable, Hashable {
        /// Those after which the job is dead, and every crash.
        case last
        /// All of them.
        case every
    }

    /// Which failed attempts are reported; by default those after which the job is dead, and every crash.
    public var attempts = Attempts.last
    /// How many of the execution's own last log records an event carries; 100 by default, 0 … 1,000.
    public var breadcrumbs = 100
    /// The version of the program, such as `shop@1.4.2`; at most 250 bytes in one line without slashes; unknown by default.
    public var release: String?
    /// Where it runs, such as `staging`; at most 64 bytes in one line without slashes and spaces; by default servers assume `production`.
    public var environment: String?
    /// Which build of the release; at most 64 letters, digits and `. _ -`; unknown by default.
    public var dist: String?
    /// The machine's name; this host's by default, `nil` leaves it out.
    public var serverName: String?
    /// Tags of every event, beside Errand's own, which win; 50 at most. Names are letters, digits and `. _ : -`, up to 200 of them;
    /// values become one line of at most 200 characters.
    public var tags: [String: String] = [:]
    /// Where losses are written: reports that could not be delivered.
    public var logger = Logger(label: "errand.sentry")
    /// Tells the time, for rate limits and deadlines.
    public var clock: any ErrandClock = SystemClock.shared

    /// The defaults.
    public init() { serverName = ProcessFacts.hostName }

    /// The defaults, changed by `change`.
    public init(_ change: (inout SentryOptions) -> Void) {
        self.init()
        change(&self)
    }

    /// Takes ``release`` from `SENTRY_RELEASE` and ``environment`` from `SENTRY_ENVIRONMENT`, as Sentry's own libraries do; a variable
    /// that is absent or empty changes nothing.
    public mutating func read(from variables: [String: String]) {
        if let release = variables["SENTRY_RELEASE"], !release.isEmpty { self.release = release }
        if let environment = variables["SENTRY_ENVIRONMENT"], !environment.isEmpty { self.environment = environment }
    }

    /// What servers would refuse; `nil` when nothing is.
    var problem: SentryConfigurationError? {
        func check(_ name: String, _ value: String?, limit: Int, _ isAllowed: (UInt8) -> Bool, _ rule: String)
            -> SentryConfigurationError?
        {
            guard let value else { return nil }
            guard !value.isEmpty, value.utf8.count <= limit, value.utf8.allSatisfy(isAllowed), value != ".", value != ".." else {
                return .option(name: name, reason: "it must be 1 to \(limit) bytes, \(rule)")
            }
            return nil
        }
        func isLineWithoutSlash(_ byte: UInt8) -> Bool {
            byte >= 0x20 && byte != 0x7F && byte != UInt8(ascii: "/") && byte != UInt8(ascii: "\\")
        }
        if !(0...1000).contains(breadcrumbs) {
            return .option(name: "breadcrumbs", reason: "their number must be 0 to 1000, not \(breadcrumbs)")
        }
        if tags.count > 50 { return .option(name: "tags", reason: "there are \(tags.count), and at most 50 are allowed") }
        for name in tags.keys.sorted()
        where !(1...200).contains(name.utf8.count) || !name.utf8.allSatisfy({ $0.isPlainWord || ".:-".utf8.contains($0) }) {
            return .option(name: "tags", reason: "\"\(name)\" cannot be a name: letters, digits and . _ : -, at most 200")
        }
        return check("release", release, limit: 250, isLineWithoutSlash, "in one line, without slashes")
            ?? check("environment", environment, limit: 64, { isLineWithoutSlash($0) && $0 != 0x20 }, "without spaces and slashes")
            ?? check("dist", dist, limit: 64, { $0.isPlainWord || ".-".utf8.contains($0) }, "letters, digits and . _ -")
    }
}
#endif
