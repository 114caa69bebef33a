// The first line of an export: what the file is, and where a resumed export learns what it was asked for.

import Errand
import FoundationEssentials

/// What an export says of itself.
struct ExportHeader: Hashable {
    /// The newest form of an export that this Errand reads and writes. Raised when what a reader of the one before makes of a file would be
    /// wrong; see the guide "Export and import".
    static let format = 1

    /// What kind of records follow.
    enum Part: String, CaseIterable, Hashable {
        case jobs, executions, logs
    }

    /// The form of the file.
    var format = ExportHeader.format
    /// The Errand that wrote it.
    var version = ErrandVersion.current
    /// When it was begun.
    var at: Timestamp
    /// What it holds.
    var parts: Set<Part>
    /// Whether encrypted payloads and results were opened.
    var isDecrypted = false
    /// Whether secrets were taken out: such jobs are no more what they were.
    var isRedacted = false
    /// The options that chose what is exported, as they were typed.
    var asked: [String] = []
    /// Which jobs, with times worked out.
    var selector = JobSelector()
    /// Only jobs behind this one; `nil` is the beginning.
    var after: JobID?
    /// Only jobs up to and with this one: those that were there when the export began; `nil` when there were none.
    var through: JobID?

    /// As a line, without its end.
    var json: [UInt8] {
        JSONWriter.versioned { writer in
            writer.member("record", "export")
            writer.member("format", format)
            writer.member("errand", version)
            writer.member("at", at)
            writer.member("holds", raw: ExportHeader.array(Part.allCases.filter(parts.contains).map(\.rawValue)))
            writer.member("decrypted", isDecrypted)
            writer.member("redacted", isRedacted)
            writer.member("asked", raw: ExportHeader.array(asked))
            writer.member("selection", raw: ExportHeader.json(selector))
            writer.member("after", after?.description)
            writer.member("through", through?.description)
        }
    }

    private static func array(_ texts: [String]) -> [UInt8] { JSONWriter.array(texts.map(JSONWriter.string)) }

    private static func json(_ selector: JobSelector) -> [UInt8] {
        JSONWriter.object { writer in
            if !selector.queues.isEmpty { writer.member("queues", raw: array(selector.queues)) }
            if !selector.kinds.isEmpty { writer.member("kinds", raw: array(selector.kinds)) }
            if !selector.states.isEmpty { writer.member("states", raw: array(selector.states.map(\.rawValue).sorted())) }
            if !selector.tags.isEmpty { writer.member("tags", raw: array(selector.tags)) }
            if !selector.meta.isEmpty { writer.member("meta", selector.meta) }
            if !selector.arguments.isEmpty {
                writer.member("arguments", raw: array(selector.arguments.map { "\($0.path)=\($0.value)" }))
            }
            if let since = selector.since { writer.member("since", since) }
            if let until = selector.until { writer.member("until", until) }
        }
    }
}

extension ExportHeader {
    /// Reads a first line.
    /// - Throws: ``TransferProblem`` that says what the line is instead.
    init(_ line: [UInt8]) throws(TransferProblem) {
        guard let members = JSONMembers(object: JSONMembers.trimmed(line[...])), members.text("record") == "export" else {
            throw TransferProblem(ExportHeader.notOne(line))
        }
        guard let format = members.number("format"), format >= 1 else { throw TransferProblem("the export does not say its format") }
        version = members.text("errand") ?? "?"
        guard format <= ExportHeader.format else {
            throw TransferProblem(
                "the export has format \(format), made by Errand \(version), and this Errand reads format \(ExportHeader.format): upgrade Errand on this machine"
            )
        }
        guard let at = members.text("at").flatMap({ Timestamp($0) }) else {
            throw TransferProblem("the export does not say when it was made")
        }
        self.at = at
        parts = Set(members.texts("holds").compactMap(Part.init(rawValue:)))
        isDecrypted = members.isTrue("decrypted")
        isRedacted = members.isTrue("redacted")
        asked = members.texts("asked")
        after = members.text("after").flatMap { JobID($0) }
        through = members.text("through").flatMap { JobID($0) }
        if let raw = members.raw("selection"), let selection = JSONMembers(object: raw) {
            selector = try ExportHeader.selector(selection)
        }
    }

    private static func selector(_ members: JSONMembers) throws(TransferProblem) -> JobSelector {
        var selector = JobSelector()
        selector.queues = members.texts("queues")
        selector.kinds = members.texts("kinds")
        selector.states = Set(members.texts("states").compactMap(JobState.init(rawValue:)))
        selector.tags = members.texts("tags")
        if let raw = members.raw("meta"), let meta = JSONMembers(object: raw) {
            for name in meta.names { selector.meta[name] = meta.text(name) }
        }
        for text in members.texts("arguments") {
            guard let pair = text.firstIndex(of: "="), let path = PayloadPath(String(text[..<pair])) else {
                throw TransferProblem("the export's selection names no place in a payload: \(text)")
            }
            selector.arguments.append(PayloadMatch(path: path, value: String(text[text.index(after: pair)...])))
        }
        selector.since = members.text("since").flatMap { Timestamp($0) }
        selector.until = members.text("until").flatMap { Timestamp($0) }
        return selector
    }

    /// What to say of a first line that is no header.
    private static func notOne(_ line: [UInt8]) -> String {
        let text = String(decoding: line.prefix(200), as: UTF8.self)
        if ExportCSV.headings.values.contains(where: { text.hasPrefix($0.prefix(2).joined(separator: ",")) }) {
            return
                "it is the heading of a CSV file, which is for reading and cannot be imported: export the jobs again with `--format jsonl`"
        }
        return
            "it is not the first line of an export, which begins with {\"v\":1,\"record\":\"export\": give a file that `\(Session.program) export` wrote, with its first line"
    }
}

/// What is wrong with a line of an export.
struct TransferProblem: Error, Hashable {
    let text: String

    init(_ text: String) { self.text = text }
}

extension JSONMembers {
    /// Whether a member is there and true.
    func isTrue(_ name: String) -> Bool { raw(name)?.elementsEqual("true".utf8) ?? false }
}
