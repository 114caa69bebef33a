// `errand doctor`: looks for what is wrong or soon will be.

import ArgumentParser
import Errand
import ErrandSQLite

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check the store, its disk, its workers and the clock.",
        discussion: "Exit codes: 0 fine or warnings only, 1 something has failed, 2 bad usage.")

    @OptionGroup var store: StoreOptions

    @Flag(name: .customLong("json"), help: "Print a JSON object.")
    var json = false

    func run() async throws {
        let session = Session.current
        let directory = try store.resolved(in: session)
        var findings = [StoreChecks.library(version: SQLiteLibrary.version, number: SQLiteLibrary.versionNumber)]
        do {
            findings += try await store.withStore { store in
                let inside = try await StoreChecks(store: store, now: session.clock.now()).findings()
                return FileChecks(directory: directory).findings() + ForeignProcesses(directory: directory).findings() + inside
            }
        } catch let error as JobStoreError {
            let message = session.inOwnName(error.description)
            // Without a directory there is one trouble, and the store's own words say what to do about it.
            if !FileChecks(directory: directory).isMissing { findings += FileChecks(directory: directory).findings() }
            findings.append(Finding(check: "store", level: .failure, message: message))
        }
        findings += await LockChecks(directory: directory, clock: session.clock).findings()
        try report(findings, session)
        guard !findings.contains(where: { $0.level == .failure }) else { throw Failure(.failed) }
    }

    private func report(_ findings: [Finding], _ session: Session) throws {
        if json {
            let object = JSONWriter.versioned { writer in
                writer.member("ok", !findings.contains { $0.level == .failure })
                writer.member("findings", raw: JSONWriter.array(findings.map(\.json)))
            }
            try session.output.write(object + [UInt8(ascii: "\n")])
        } else {
            let style = TextStyle(on: session.output, in: session)
            for finding in findings { try session.output.line(finding.line(style)) }
        }
    }
}
