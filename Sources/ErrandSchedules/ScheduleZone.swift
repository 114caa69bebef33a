// A time zone by its IANA name: what the wall clock of a place shows, read from the system's tzdata once per process.

public import ErrandContext
internal import Synchronization

/// A time zone of the IANA database, such as `Europe/Berlin`.
///
/// The rules come from the system's compiled files (TZif, RFC 9636) in `/usr/share/zoneinfo`, `/usr/lib/zoneinfo`,
/// `/usr/share/lib/zoneinfo` or `/etc/zoneinfo`, not from the environment (`TZ`, `TZDIR`): every worker reads a schedule alike. A file is
/// read once per process, so newly installed rules count after a restart. Zones are equal when their names are.
public struct ScheduleZone: Sendable, Hashable {
    /// The name as it was given, such as `America/New_York`.
    public let name: String

    let rules: ZoneRules

    /// Coordinated universal time; needs no file.
    public static let utc = ScheduleZone(name: "UTC", rules: .utc)

    /// Bounded by the number of files that the system has.
    private static let known = Mutex<[String: ZoneRules]>([:])

    /// The zone with this name, letter for letter: at most 64 bytes, beginning with a capital.
    /// - Throws: ``ScheduleProblem`` when the system has no such zone (the nearest names are in it), when no zones are installed, and when
    ///   the zone's file is damaged.
    public init(_ name: String) throws(ScheduleProblem) {
        if let rules = ScheduleZone.known.withLock({ $0[name] }) {
            self.init(name: name, rules: rules)
            return
        }
        let rules = try ZoneDirectory.system.rules(of: name)
        ScheduleZone.known.withLock { $0[name] = rules }
        self.init(name: name, rules: rules)
    }

    /// A zone from a file's bytes; it is not remembered.
    /// - Throws: ``ScheduleProblem`` when they are no TZif file.
    init(name: String, file bytes: [UInt8]) throws(ScheduleProblem) {
        do throws(TZifReader.Damage) {
            self.init(name: name, rules: try TZifReader.rules(bytes))
        } catch {
            throw ZoneDirectory.damaged(name, error)
        }
    }

    private init(name: String, rules: ZoneRules) { (self.name, self.rules) = (name, rules) }

    /// How many seconds its clock is ahead of UTC, negative to the west; whole seconds, also in years that kept local mean time.
    public func offset(at time: Timestamp) -> Int { Int(rules.span(at: time.wholeSeconds).offset) }

    /// What the clock's time is called then, such as `CEST`, or `+03` where it has no name.
    public func abbreviation(at time: Timestamp) -> String { rules.span(at: time.wholeSeconds).abbreviation }

    /// The wall clock for people, cut to seconds: `2026-03-29 03:00:00 CEST`. Years outside 0…9999 are shown modulo 10,000.
    public func text(_ time: Timestamp) -> String {
        let span = rules.span(at: time.wholeSeconds)
        let local = Timestamp(microseconds: time.microseconds) + .seconds(span.offset)
        let text = local.description
        return text.prefix(10) + " " + text.dropFirst(11).prefix(8) + " " + span.abbreviation
    }

    /// All zones that this system has, in order; reads the folders anew.
    package static func names() -> [String] { ZoneDirectory.system.names() }

    /// Equal names.
    public static func == (lhs: ScheduleZone, rhs: ScheduleZone) -> Bool { lhs.name == rhs.name }

    /// The name's.
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension Timestamp {
    /// Seconds since 1970, cut towards the past.
    var wholeSeconds: Int64 { microseconds.flooredDivision(by: 1_000_000).quotient }

    init(seconds: Int64) { self.init(microseconds: seconds * 1_000_000) }
}
