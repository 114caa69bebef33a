// Where the system keeps its time zones: finds one by its name, lists them, and guesses what a misspelt one was meant to be.

internal import FoundationEssentials
internal import Glibc

/// The folders with compiled time zone files.
struct ZoneDirectory: Sendable {
    static let system = ZoneDirectory(
        folders: ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo"])

    static let longestNameBytes = 64

    /// Asked in this order.
    let folders: [String]

    /// - Throws: ``ScheduleProblem`` when the name is none, when no folder has the zone, and when its file is damaged.
    func rules(of name: String) throws(ScheduleProblem) -> ZoneRules {
        if name == "UTC" { return .utc }
        guard ZoneDirectory.isName(name), let (path, bytes) = file(of: name) else { throw unknown(name) }
        do throws(TZifReader.Damage) {
            return try TZifReader.rules(bytes)
        } catch {
            throw ZoneDirectory.damaged(path, error)
        }
    }

    static func damaged(_ file: String, _ damage: TZifReader.Damage) -> ScheduleProblem {
        ScheduleProblem("the time zone file \(file) is damaged, \(damage.reason): install tzdata again")
    }

    /// Names of the zones that are there, in order; `UTC` always is.
    func names() -> [String] {
        var names: Set<String> = ["UTC"]
        for folder in folders {
            // A folder that is not there has no zones.
            let paths = (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? []
            let parents = Set(paths.compactMap { path in path.lastIndex(of: "/").map { String(path[..<$0]) } })
            names.formUnion(paths.filter { ZoneDirectory.isName($0) && !$0.utf8.contains(UInt8(ascii: ".")) && !parents.contains($0) })
        }
        return names.sorted()
    }

    /// IANA's names begin with a capital; what does not (`posix/`, `right/`, `localtime`) is the system's own. No such name leaves the
    /// folder.
    private static func isName(_ name: String) -> Bool {
        guard name.utf8.count <= longestNameBytes, let first = name.utf8.first, (65...90).contains(first) else { return false }
        let known = name.utf8.allSatisfy { byte in
            (65...90).contains(byte & 0xDF) || (47...57).contains(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "+")
                || byte == UInt8(ascii: "-")
        }
        return known && !name.split(separator: "/", omittingEmptySubsequences: false).contains("")
    }

    private func file(of name: String) -> (path: String, bytes: [UInt8])? {
        for folder in folders {
            let path = folder + "/" + name
            if let bytes = ZoneDirectory.contents(of: path) { return (path, bytes) }
        }
        return nil
    }

    /// `nil` when there is no such file; one byte more than a zone's file may have is read at most.
    private static func contents(of path: String) -> [UInt8]? {
        // Without waiting, should the name be a pipe's.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 8192)
        while bytes.count <= TZifReader.largestFileBytes {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
        return bytes
    }

    private func unknown(_ name: String) -> ScheduleProblem {
        let names = names()
        let shown = ScheduleProblem.shown(name)
        guard names.count > 1 else {
            return ScheduleProblem(
                "this system has no time zones, so \(shown) is unknown: install tzdata (apt-get install tzdata, apk add tzdata), or use UTC"
            )
        }
        let near = ZoneDirectory.nearest(to: name, among: names)
        guard !near.isEmpty else {
            return ScheduleProblem("\(shown) is no time zone: write UTC or a name of the IANA database, such as Europe/Berlin")
        }
        return ScheduleProblem("\(shown) is no time zone: did you mean \(Wording.list(near, "or"))?")
    }

    /// Up to three names: those whose city `name` is, or else those that take the fewest changed letters, a third of them at most.
    private static func nearest(to name: String, among names: [String]) -> [String] {
        let wanted = Array(name.lowercased().utf8)
        guard !wanted.isEmpty, wanted.count <= longestNameBytes else { return [] }
        let city = wanted.map { $0 == UInt8(ascii: " ") ? UInt8(ascii: "_") : $0 }
        let cities = names.filter { $0.contains("/") && Array(($0.split(separator: "/").last ?? "").lowercased().utf8) == city }
        if !cities.isEmpty { return Array(cities.prefix(3)) }
        let distances = names.map { (name: $0, distance: distance(wanted, Array($0.lowercased().utf8))) }
        guard let least = distances.map(\.distance).min(), least <= max(1, wanted.count / 3) else { return [] }
        return Array(distances.filter { $0.distance == least }.map(\.name).prefix(3))
    }

    /// How many letters must be added, dropped, replaced or swapped with their neighbour to make one of the other: optimal string
    /// alignment, https://en.wikipedia.org/wiki/Damerau–Levenshtein_distance
    private static func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
        var before: [Int] = []
        var last = Array(0...other.count)
        for i in 0..<one.count {
            var row = [i + 1]
            for j in 0..<other.count {
                var best = min(last[j] + (one[i] == other[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, one[i] == other[j - 1], one[i - 1] == other[j] { best = min(best, before[j - 1] + 1) }
                row.append(best)
            }
            (before, last) = (last, row)
        }
        return last[other.count]
    }
}
