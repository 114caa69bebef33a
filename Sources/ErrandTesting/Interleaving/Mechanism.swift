// One way in which code leaves the place where it was written, as a value: a row of the table of mechanisms.

/// Whose an ordinary line is, one that asks who is current when it is written.
package enum Attribution: Sendable, Hashable {
    /// The one who wrote the code.
    case right
    /// Nobody's.
    case nobody
    /// The right one's or nobody's, as threads have it.
    case mixed
    /// Another job's: the one that happened to fire it.
    case neighbours
    /// One job's for all of them: the first or the last that came.
    case oneForAll
}

/// A mechanism, played by many jobs at once, unbound and bound.
package struct Mechanism: Sendable, CustomStringConvertible {
    /// What a job does to make its line be said through the mechanism.
    package typealias Play = @Sendable (Player) async throws -> Void

    /// As the table of CONTEXT names it.
    package let name: String
    /// Whose ordinary lines are without our API.
    package let unbound: Attribution
    /// How many times each job speaks.
    package let says: Int
    /// The lines come after the job's end.
    package let isLate: Bool
    /// Can be played once per process and number of jobs only.
    package let playsOnce: Bool
    /// The file that it stands in, `Module/File.swift`: where lines that leak are written.
    let file: String
    /// What the jobs do; a new set of shared things for each scene of so many jobs.
    let plain: @Sendable (Int) -> Play
    /// The same with our API; `nil` where nothing needs to be bound.
    let bound: (@Sendable (Int) -> Play)?

    /// A mechanism of which each job has its own.
    package init(
        _ name: String, unbound: Attribution, says: Int = 1, isLate: Bool = false, file: String = #fileID, plain: @escaping Play,
        bound: Play? = nil
    ) {
        self.init(
            name, unbound: unbound, says: says, isLate: isLate, file: file, sharing: { _ in },
            plain: { player, _ in try await plain(player) },
            bound: bound.map { bound in { player, _ in try await bound(player) } })
    }

    /// A mechanism with something that all jobs share; `sharing` makes it for so many jobs.
    package init<Shared: Sendable>(
        _ name: String, unbound: Attribution, says: Int = 1, isLate: Bool = false, playsOnce: Bool = false,
        file: String = #fileID, sharing: @escaping @Sendable (Int) -> Shared,
        plain: @escaping @Sendable (Player, Shared) async throws -> Void,
        bound: (@Sendable (Player, Shared) async throws -> Void)? = nil
    ) {
        self.name = name
        self.unbound = unbound
        self.says = says
        self.isLate = isLate
        self.playsOnce = playsOnce
        self.file = file
        self.plain = Mechanism.play(sharing, plain)
        self.bound = bound.map { Mechanism.play(sharing, $0) }
    }

    private static func play<Shared: Sendable>(
        _ sharing: @escaping @Sendable (Int) -> Shared, _ play: @escaping @Sendable (Player, Shared) async throws -> Void
    ) -> @Sendable (Int) -> Play {
        { jobs in
            let shared = sharing(jobs)
            return { player in try await play(player, shared) }
        }
    }

    /// Whether our API has a form of it.
    package var hasBoundForm: Bool { bound != nil }

    package var description: String { name }
}
