// Which jobs a new one may not stand beside, on the command line.

import ArgumentParser
import Errand

/// The unique key, its scope, and what the job does that comes second.
struct UniqueOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Unique key: one job at a time for it, whoever enqueues.", valueName: "key"))
    var unique: String?

    @Option(
        help: ArgumentHelp(
            "Make the unique key of these places in the payload: account.id, or several with commas.", valueName: "field,..."))
    var uniqueBy: String?

    @Option(
        help: ArgumentHelp("Within what the key is unique: kind (default), queue, kind-and-queue, store.", valueName: "scope"),
        completion: .list(["kind", "queue", "kind-and-queue", "store"]))
    var uniqueScope: String?

    @Option(
        help: ArgumentHelp("Until when the job has its key: ended (default), or started.", valueName: "state"),
        completion: .list(["ended", "started"]))
    var uniqueUntil: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("A job that completes sooner than this after its enqueue keeps its key until then.", valueName: "duration"),
        transform: DurationArgument.readPositive)
    var uniqueFor: Duration?

    @Option(
        help: ArgumentHelp(
            "What the second job does: reject (default: exit 5), replace the first if it has not started, debounce=5s[,max=1m], keep-last (one runs, one waits, the latest payload counts).",
            valueName: "mode"),
        completion: .list(["reject", "replace", "keep-last", "debounce="]))
    var onConflict: String?

    func validate() throws {
        if unique != nil, uniqueBy != nil { throw ValidationError("Give either --unique or --unique-by, not both.") }
        if unique == nil, uniqueBy == nil {
            let given = [
                ("--unique-scope", uniqueScope != nil), ("--unique-until", uniqueUntil != nil), ("--unique-for", uniqueFor != nil),
                ("--on-conflict", onConflict != nil),
            ]
            if let (name, _) = given.first(where: \.1) {
                throw ValidationError("\(name) says more about a unique key: give one too, with --unique or --unique-by.")
            }
        }
        _ = try (scope, until, conflict)
    }

    /// `job` with what was asked for; a key that its payload makes is still to be worked out.
    /// - Throws: `ValidationError` for a word that is none.
    func apply(to job: inout NewJob) throws {
        let fields = uniqueBy.map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
        guard unique != nil || fields != nil else { return }
        var uniqueness = fields.map { Uniqueness(by: $0) } ?? Uniqueness(key: unique ?? "")
        (uniqueness.scope, uniqueness.until) = (try scope, try until)
        (uniqueness.onConflict, uniqueness.period) = (try conflict, uniqueFor)
        job.terms.uniqueness = uniqueness
    }

    private var scope: Uniqueness.Scope {
        get throws {
            switch uniqueScope {
            case nil, "kind": .kind
            case "queue": .queue
            case "kind-and-queue": .kindAndQueue
            case "store": .store
            case let text?: throw ValidationError("\"\(text.prefix(40))\" is no scope: write kind, queue, kind-and-queue or store")
            }
        }
    }

    private var until: Uniqueness.Until {
        get throws {
            switch uniqueUntil {
            case nil, "ended": .ended
            case "started": .started
            case let text?: throw ValidationError("\"\(text.prefix(40))\" is no such state: write ended or started")
            }
        }
    }

    private var conflict: Uniqueness.Conflict {
        get throws {
            switch onConflict {
            case nil, "reject": .reject
            case "replace": .replace
            case "keep-last": .keepLast
            case let text?: try UniqueOptions.debounce(text)
            }
        }
    }

    private static func debounce(_ text: String) throws -> Uniqueness.Conflict {
        let problem = ValidationError(
            "\"\(text.prefix(40))\" is no mode: write reject, replace, keep-last, debounce=5s or debounce=5s,max=1m")
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count <= 2, let first = parts.first, first.hasPrefix("debounce=") else { throw problem }
        let delay = try DurationArgument.readPositive(String(first.dropFirst("debounce=".count)))
        guard parts.count == 2 else { return .debounce(delay: delay, maximumWait: nil) }
        guard parts[1].hasPrefix("max=") else { throw problem }
        return .debounce(delay: delay, maximumWait: try DurationArgument.readPositive(String(parts[1].dropFirst("max=".count))))
    }
}
