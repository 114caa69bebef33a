// Reads one YAML document through libyaml, and refuses what a configuration has no use for.

import CYAML

/// Builds a tree from libyaml's events.
///
/// Refused, each with its place: a second document, anchors and aliases (a few lines of them can stand for billions of values), tags,
/// directives, keys that are not text or occur twice, nesting past a limit.
struct YAMLReader {
    /// What is wrong with the text.
    struct Problem: Error, Hashable {
        var line: Int
        var column: Int
        var message: String
    }

    private typealias Mark = (line: Int, column: Int)

    private enum Event {
        case scalar(String, isPlain: Bool)
        case sequenceStart, sequenceEnd, mappingStart, mappingEnd
        case documentStart, documentEnd, streamStart, streamEnd
    }

    /// How deep values may nest.
    static let depthLimit = 32

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let text: [UInt8]

    /// The document in `text`; `nil` when it is empty or holds comments only.
    static func read(_ text: [UInt8]) throws(Problem) -> YAMLNode? {
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        precondition(yaml_parser_initialize(parser) == 1, "out of memory")
        defer { yaml_parser_delete(parser) }
        let result = text.withUnsafeBufferPointer { buffer -> Result<YAMLNode?, Problem> in
            yaml_parser_set_input_string(parser, buffer.baseAddress, buffer.count)
            yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
            return Result { () throws(Problem) in try YAMLReader(parser: parser, text: text).document() }
        }
        return try result.get()
    }

    private func document() throws(Problem) -> YAMLNode? {
        _ = try next()
        guard case (.documentStart, _) = try next() else { return nil }
        let (event, mark) = try next()
        let root = try node(event, mark, depth: 0)
        _ = try next()
        let (after, place) = try next()
        guard case .streamEnd = after else {
            throw problem(place, "a second document: one file holds one configuration, remove the \"---\"")
        }
        return root
    }

    private func node(_ event: Event, _ mark: Mark, depth: Int) throws(Problem) -> YAMLNode {
        guard depth <= YAMLReader.depthLimit else { throw problem(mark, "values nest deeper than \(YAMLReader.depthLimit) levels") }
        switch event {
        case .scalar(let text, let isPlain):
            return YAMLNode(content: .scalar(text, isPlain: isPlain), line: mark.line, column: mark.column)
        case .sequenceStart:
            var nodes: [YAMLNode] = []
            while true {
                let (event, place) = try next()
                if case .sequenceEnd = event { break }
                nodes.append(try node(event, place, depth: depth + 1))
            }
            return YAMLNode(content: .sequence(nodes), line: mark.line, column: mark.column)
        case .mappingStart:
            return YAMLNode(content: .mapping(try members(depth: depth)), line: mark.line, column: mark.column)
        default: preconditionFailure("libyaml begins each value with one of its own events: \(event)")
        }
    }

    private func members(depth: Int) throws(Problem) -> [YAMLNode.Member] {
        var members: [YAMLNode.Member] = []
        var lines: [String: Int] = [:]
        while true {
            let (event, place) = try next()
            if case .mappingEnd = event { return members }
            let key = try node(event, place, depth: depth + 1)
            guard case .scalar(let name, _) = key.content, !key.isNull else {
                throw problem(place, "a key must be text, not \(key.description)")
            }
            if let line = lines.updateValue(place.line, forKey: name) {
                throw problem(place, "\"\(name)\" is given twice, first in line \(line): remove one")
            }
            let (valueEvent, valuePlace) = try next()
            let value = try node(valueEvent, valuePlace, depth: depth + 1)
            members.append(YAMLNode.Member(key: key, name: name, value: value))
        }
    }

    // MARK: libyaml

    private func next() throws(Problem) -> (Event, Mark) {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw parserProblem() }
        defer { yaml_event_delete(&event) }
        let mark = place(event.start_mark)
        switch event.type {
        case YAML_STREAM_START_EVENT: return (.streamStart, mark)
        case YAML_STREAM_END_EVENT: return (.streamEnd, mark)
        case YAML_DOCUMENT_START_EVENT:
            let start = event.data.document_start
            guard start.version_directive == nil, start.tag_directives.start == start.tag_directives.end else {
                throw problem(mark, "directives (lines that begin with %) are not supported")
            }
            return (.documentStart, mark)
        case YAML_DOCUMENT_END_EVENT: return (.documentEnd, mark)
        case YAML_ALIAS_EVENT: throw problem(mark, "aliases (*name) are not supported: write the value out")
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            try check(anchor: scalar.anchor, tag: scalar.tag, mark)
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            guard !bytes.contains(0) else { throw problem(mark, "a text holds a NUL character") }
            return (.scalar(String(decoding: bytes, as: UTF8.self), isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE), mark)
        case YAML_SEQUENCE_START_EVENT:
            try check(anchor: event.data.sequence_start.anchor, tag: event.data.sequence_start.tag, mark)
            return (.sequenceStart, mark)
        case YAML_SEQUENCE_END_EVENT: return (.sequenceEnd, mark)
        case YAML_MAPPING_START_EVENT:
            try check(anchor: event.data.mapping_start.anchor, tag: event.data.mapping_start.tag, mark)
            return (.mappingStart, mark)
        case YAML_MAPPING_END_EVENT: return (.mappingEnd, mark)
        default: preconditionFailure("libyaml has no other events: \(event.type)")
        }
    }

    private func check(anchor: UnsafeMutablePointer<yaml_char_t>?, tag: UnsafeMutablePointer<yaml_char_t>?, _ mark: Mark) throws(Problem) {
        if anchor != nil { throw problem(mark, "anchors (&name) are not supported: write the value out") }
        if tag != nil { throw problem(mark, "tags (!name) are not supported: remove it") }
    }

    private func parserProblem() -> Problem {
        let state = parser.pointee
        let message = state.problem.map { String(cString: $0) } ?? "not readable as YAML"
        if state.error == YAML_READER_ERROR {
            // libyaml knows the byte here, not the line.
            let before = text.prefix(state.problem_offset)
            let line = before.count { $0 == UInt8(ascii: "\n") } + 1
            let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
            return problem((line, before.count - start + 1), message)
        }
        let mark = place(state.problem_mark)
        if let line = line(mark.line), line.prefix(while: { $0 == 0x20 || $0 == 0x09 }).contains(0x09) {
            return problem(mark, "a tab in the indentation: YAML allows spaces only")
        }
        let context = state.context.map { " " + String(cString: $0) } ?? ""
        return problem(mark, message + context)
    }

    private func line(_ number: Int) -> ArraySlice<UInt8>? {
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return lines.indices.contains(number - 1) ? lines[number - 1] : nil
    }

    private func place(_ mark: yaml_mark_t) -> Mark { (Int(mark.line) + 1, Int(mark.column) + 1) }

    private func problem(_ mark: Mark, _ message: String) -> Problem {
        Problem(line: mark.line, column: mark.column, message: message)
    }
}
