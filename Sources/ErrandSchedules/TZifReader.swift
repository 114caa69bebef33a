// Reads a compiled time zone file, versions 1 to 4 (RFC 9636), into the zone's table.

/// Parses the bytes of a TZif file.
struct TZifReader {
    /// Real files have less than 4 KiB.
    static let largestFileBytes = 256 * 1024

    /// What is wrong with a file, for the end of a sentence.
    struct Damage: Error, Hashable {
        let reason: String
    }

    private struct Header {
        var version: UInt8
        var utIndicators, standardIndicators, leapSeconds, transitions, types, characters: Int

        func blockLength(timeBytes: Int) -> Int {
            transitions * (timeBytes + 1) + types * 6 + characters + leapSeconds * (timeBytes + 4) + standardIndicators + utIndicators
        }
    }

    private struct Kind: Hashable {
        var offset: Int64
        var abbreviation: String
    }

    private var bytes: ArraySlice<UInt8>

    /// The zone that the file describes, in POSIX time: the leap seconds that some files count are taken out again.
    /// - Throws: ``Damage`` when the file is cut off or contradicts RFC 9636.
    static func rules(_ bytes: [UInt8]) throws(Damage) -> ZoneRules {
        guard bytes.count <= largestFileBytes else { throw Damage(reason: "it has more than \(largestFileBytes) bytes") }
        var reader = TZifReader(bytes: bytes[...])
        return try reader.read()
    }

    private mutating func read() throws(Damage) -> ZoneRules {
        let old = try header()
        guard old.version >= 2 else { return try table(block(old, timeBytes: 4), footer: nil) }
        _ = try take(old.blockLength(timeBytes: 4))
        let new = try header()
        let block = try block(new, timeBytes: 8)
        return try table(block, footer: footer())
    }

    private mutating func header() throws(Damage) -> Header {
        guard try take(4).elementsEqual("TZif".utf8) else { throw Damage(reason: "it does not begin with TZif") }
        let version = try take(1).first.map { $0 == 0 ? 1 : $0 &- UInt8(ascii: "0") } ?? 0
        guard (1...9).contains(version) else { throw Damage(reason: "its version is unknown") }
        _ = try take(15)
        var counts: [Int] = []
        for _ in 0..<6 { counts.append(Int(try number(4))) }
        let header = Header(
            version: version, utIndicators: counts[0], standardIndicators: counts[1], leapSeconds: counts[2], transitions: counts[3],
            types: counts[4], characters: counts[5])
        guard counts.allSatisfy({ (0...TZifReader.largestFileBytes).contains($0) }), (1...256).contains(header.types),
            header.characters > 0,
            [0, header.types].contains(header.utIndicators), [0, header.types].contains(header.standardIndicators)
        else { throw Damage(reason: "its counts are impossible") }
        return header
    }

    /// The transitions, the first kind, which holds before them, and the kinds that they lead to.
    private mutating func block(_ header: Header, timeBytes: Int) throws(Damage) -> (times: [Int64], kinds: [Kind], first: Kind) {
        var times: [Int64] = []
        for _ in 0..<header.transitions { times.append(try number(timeBytes)) }
        let indices = try take(header.transitions).map(Int.init)
        var types: [(offset: Int64, name: Int)] = []
        for _ in 0..<header.types {
            let offset = try number(4)
            _ = try take(1)
            types.append((offset, Int(try number(1) & 0xFF)))
        }
        let characters = Array(try take(header.characters))
        let corrections = try leapSeconds(header.leapSeconds, timeBytes: timeBytes)
        _ = try take(header.standardIndicators + header.utIndicators)
        // Some writers put a first change at the beginning of all time.
        let posixTimes = times.map { time in
            max(.min / 4, min(.max / 4, time)) - (corrections.last { $0.time < time }?.correction ?? 0)
        }
        guard zip(posixTimes, posixTimes.dropFirst()).allSatisfy({ $0 <= $1 }) else {
            throw Damage(reason: "its changes are out of order")
        }
        var kinds: [Kind] = []
        for type in types {
            guard abs(type.offset) <= ZoneRules.largestOffset else { throw Damage(reason: "an offset is longer than 26 hours") }
            guard type.name < characters.count, let end = characters[type.name...].firstIndex(of: 0) else {
                throw Damage(reason: "an abbreviation is missing")
            }
            kinds.append(Kind(offset: type.offset, abbreviation: String(decoding: characters[type.name..<end], as: UTF8.self)))
        }
        guard indices.allSatisfy({ $0 < kinds.count }) else { throw Damage(reason: "a change leads nowhere") }
        return (posixTimes, indices.map { kinds[$0] }, kinds[0])
    }

    private mutating func leapSeconds(_ count: Int, timeBytes: Int) throws(Damage) -> [(time: Int64, correction: Int64)] {
        var result: [(time: Int64, correction: Int64)] = []
        for _ in 0..<count { result.append((try number(timeBytes), try number(4))) }
        return result
    }

    /// The rule for the time after the last transition; `nil` when the file has none.
    private mutating func footer() throws(Damage) -> PosixRule? {
        guard bytes.popFirst() == UInt8(ascii: "\n"), let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else {
            throw Damage(reason: "its last line is missing")
        }
        let text = bytes[..<end]
        if text.isEmpty { return nil }
        guard let rule = PosixRule(text) else { throw Damage(reason: "its last line is no rule") }
        return rule
    }

    private func table(_ block: (times: [Int64], kinds: [Kind], first: Kind), footer: PosixRule?) throws(Damage) -> ZoneRules {
        var spans = [ZoneSpan(start: .min, end: .max, offset: block.first.offset, abbreviation: block.first.abbreviation)]
        func change(at time: Int64, to offset: Int64, _ abbreviation: String) {
            let current = spans[spans.count - 1]
            if current.offset == offset, current.abbreviation == abbreviation { return }
            if time <= current.start { spans.removeLast() } else { spans[spans.count - 1].end = time }
            if let before = spans.last, before.offset == offset, before.abbreviation == abbreviation {
                spans[spans.count - 1].end = .max
            } else {
                spans.append(ZoneSpan(start: time, end: .max, offset: offset, abbreviation: abbreviation))
            }
        }
        for (time, kind) in zip(block.times, block.kinds) { change(at: time, to: kind.offset, kind.abbreviation) }
        guard let footer else { return ZoneRules(spans: spans, recurrence: nil) }
        guard let daylight = footer.daylight else {
            if block.times.isEmpty { change(at: .min / 4, to: footer.offset, footer.abbreviation) }
            return ZoneRules(spans: spans, recurrence: nil)
        }
        let last = block.times.last ?? CivilDate.dayNumber(year: 1900, month: 1, day: 1) * .secondsPerDay
        let firstYear = CivilDate(dayNumber: last.flooredDivision(by: .secondsPerDay).quotient).year
        guard (1800...2200).contains(firstYear) else { throw Damage(reason: "its last change is in the year \(firstYear)") }
        for (time, isDaylight) in footer.changes(in: firstYear - 1...firstYear + 402, of: daylight) where time > last {
            change(at: time, to: isDaylight ? daylight.offset : footer.offset, isDaylight ? daylight.abbreviation : footer.abbreviation)
        }
        return ZoneRules(spans: spans, recurrence: CivilDate.dayNumber(year: firstYear + 402, month: 1, day: 1) * .secondsPerDay)
    }

    private mutating func take(_ count: Int) throws(Damage) -> ArraySlice<UInt8> {
        guard count <= bytes.count else { throw Damage(reason: "it is cut off") }
        defer { bytes = bytes.dropFirst(count) }
        return bytes.prefix(count)
    }

    /// Big-endian, two's complement.
    private mutating func number(_ count: Int) throws(Damage) -> Int64 {
        let unsigned = try take(count).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let shift = UInt64(64 - 8 * count)
        return Int64(bitPattern: unsigned << shift) >> Int64(shift)
    }
}
