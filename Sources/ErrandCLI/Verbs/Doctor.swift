// `errand doctor`: looks for what is wrong or soon will be.

import ArgumentParser
import Errand
import ErrandSQLite

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check the store, its disk, its workers and the clock, or with --context whose lines go where.",
        discussion: """
            --context runs this program's worker against itself, on temporary stores: 3, 64 and 1000 handlers at once and 3 and 64 \
            commands, every line checked against the execution that wrote it. Then it lists the places in the code whose lines are \
            flagged in the store at hand, if there is one. Your own handlers are not run: check them in a test with ContextCheck.

            Both databases are read from end to end (SQLite's quick_check), which takes about a second for each gigabyte; --quick leaves that \
            out. Workers go on meanwhile.

            Exit codes: 0 fine or warnings only, 1 something has failed, 2 bad usage; with --context also 4 store unavailable.
            """)

    @OptionGroup var store: StoreOptions

    @Flag(name: .customLong("json"), help: "Print a JSON object.")
    var json = false

    @Flag(help: "Do not read the databases from end to end.")
    var quick = false

    @Flag(help: "Check whose lines go where, instead of the store.")
    var context = false

    func run() async throws {
        guard !context else { return try await checkContext() }
        let session = Session.current
        let directory = try store.resolved(in: session)
        let files = FileChecks(directory: directory, reserve: try ReserveOptions.named(in: session))
        var findings = [StoreChecks.library(version: SQLiteLibrary.version, number: SQLiteLibrary.versionNumber)]
        do {
            findings += try await store.withStore { store in
                let inside = try await StoreChecks(store: store, now: session.clock.now()).findings()
                return files.findings() + ForeignProcesses(directory: directory).findings() + inside
            }
        } catch let error as JobStoreError {
            let message = session.inOwnName(error.description)
            // Without a directory there is one trouble, and the store's own words say what to do about it.
            if !files.isMissing { findings += files.findings() }
            findings.append(Finding(check: "store", level: .failure, message: message))
        }
        findings += DatabaseChecks(directory: directory, isQuick: quick).findings()
        findings += await LockChecks(directory: directory, clock: session.clock).findings()
        try report(findings, session)
        guard !findings.contains(where: { $0.level == .failure }) else { throw Failure(.failed) }
    }

    private func checkContext() async throws {
        let session = Session.current
        let checks = ContextChecks(session: session)
        var findings = try await checks.selfTest()
        let directory = try store.resolved(in: session)
        // A person who only asks about the program need not have a store.
        if !FileChecks(directory: directory).isMissing {
            findings += try await store.withStore { store in try await checks.recorded(in: store.logs) }
        }
        try report(findings, session)
        guard !findings.contains(where: { $0.level == .failure }) else { throw Failure(.failed) }
    }

    private func report(_ findings: [Finding], _ session: Session) throws {
        if json {
            let object = JSONWriter.versioned { writer in
                writer.member("ok", !findings.contains { $0.level == .failure })
                writer.member("findings", raw: JSONWriter.array(findings.map(\.json)))
            }
            try session.output.object(object)
        } else {
            let style = TextStyle(on: session.output, in: session)
            for finding in findings { try session.output.line(finding.line(style)) }
        }
    }
}
