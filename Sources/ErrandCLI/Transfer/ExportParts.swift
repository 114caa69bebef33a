// Which kinds of records an export shall have.

import ArgumentParser

/// What was asked for with --what.
struct ExportParts: Hashable {
    var parts: Set<ExportHeader.Part>

    /// As it is typed, in one order.
    var text: String { ExportHeader.Part.allCases.filter(parts.contains).map(\.rawValue).joined(separator: ",") }

    /// Reads words with commas between.
    /// - Throws: `ValidationError` that lists the words.
    static func read(_ text: String) throws -> ExportParts {
        let words = text.split(separator: ",", omittingEmptySubsequences: false)
        return ExportParts(parts: Set(try words.map { try WordArgument.read(String($0)) }))
    }

    /// Refuses what a format cannot hold.
    /// - Throws: ``Failure`` with status 2.
    static func check(_ what: ExportParts?, _ format: ExportFormat) throws {
        guard let parts = what?.parts else { return }
        switch format {
        case .csv:
            guard parts.count == 1 else {
                throw Failure(.usage, "a CSV file holds one kind of record: give --what jobs, executions or logs, and a file for each")
            }
        case .jsonl:
            guard !parts.contains(.executions) || parts.contains(.jobs) else {
                throw Failure(
                    .usage, "in JSON lines executions stand within their jobs: give --what jobs, or --format csv for a table of executions")
            }
        }
    }
}
