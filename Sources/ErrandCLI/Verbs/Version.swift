// `errand version`: which Errand this is; touches no store.

import ArgumentParser
import Errand

struct Version: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the version.", discussion: "Exit codes: 0 printed, 2 bad usage.")

    @Flag(name: .customLong("json"), help: "Print a JSON object.")
    var json = false

    func run() async throws {
        let output = Session.current.output
        if json {
            try output.object(JSONWriter.versioned { $0.member("version", ErrandVersion.current) })
        } else {
            try output.line("errand \(ErrandVersion.current)")
        }
    }
}
