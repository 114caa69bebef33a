// Job and execution IDs as text: what is written, what is read, what is refused.

import ErrandContext
import FoundationEssentials
import Testing

struct IdentityTests {
    @Test(arguments: [
        (Int64(0), "0000000000000"), (1, "0000000000001"), (31, "000000000000z"), (32, "0000000000010"), (Int64.max, "7zzzzzzzzzzzz"),
    ])
    func `a job ID is written as 13 characters`(number: Int64, text: String) {
        #expect(JobID(rawValue: number).description == text)
        #expect(JobID(text) == JobID(rawValue: number))
    }

    @Test func `every bit of a job ID survives the way through its text`() {
        for bit in 0..<63 {
            for number in [Int64(1) << bit, Int64.max ^ Int64(1) << bit] {
                let id = JobID(rawValue: number)
                #expect(JobID(id.description) == id)
            }
        }
    }

    @Test func `the order of job IDs is the order of their texts`() {
        var generator = SystemRandomNumberGenerator()
        let ids = (0..<500).map { _ in JobID(rawValue: .random(in: 0...Int64.max, using: &generator)) }
        #expect(ids.sorted().map(\.description) == ids.map(\.description).sorted())
    }

    @Test(arguments: [("06H3K9X8Q4P2A", "06h3k9x8q4p2a"), ("o6h3k9x8q4p2a", "06h3k9x8q4p2a"), ("06h3k9x8qIlL1", "06h3k9x8q1111")])
    func `upper case and look-alikes are read`(text: String, canonical: String) {
        #expect(JobID(text)?.description == canonical)
        #expect(JobID(Substring(text))?.description == canonical)
    }

    @Test(arguments: [
        "", "0", "000000000000", "00000000000000", "8000000000000", "zzzzzzzzzzzzz", "000000000000u", "00000 0000000", "000000000000-",
        "00000000000é", "000000000000\0", "+000000000001", "-000000000001", "000000000000@", "000000000000`",
    ])
    func `a text that is no job ID is refused`(text: String) {
        #expect(JobID(text) == nil)
        #expect(JobID(Substring(text)) == nil)
    }

    @Test func `base32 takes shorter texts and refuses what needs 64 bits`() {
        #expect(Base32.decode("".utf8) == 0)
        #expect(Base32.decode("z".utf8) == 31)
        #expect(Base32.decode("7zzzzzzzzzzzz".utf8) == .max)
        #expect(Base32.decode("8000000000000".utf8) == nil)
        #expect(Base32.decode("07zzzzzzzzzzzz".utf8) == .max)
        #expect(Base32.decode("10000000000000".utf8) == nil)
    }

    @Test(arguments: [Int64(1), 2, 10, Int64.max])
    func `an execution ID survives the way through its text`(ordinal: Int64) {
        let id = ExecutionID(JobID(rawValue: 12_345), ordinal)
        #expect(id.description == "0000000000c1s.\(ordinal)")
        #expect(ExecutionID(id.description) == id)
    }

    @Test(arguments: [
        "", ".", "0000000000c1s", "0000000000c1s.", ".1", "0000000000c1s.0", "0000000000c1s.-1", "0000000000c1s.1.1",
        "0000000000c1s.9223372036854775808", "0000000000c1s.1 ", " 0000000000c1s.1", "0000000000c1s.x", "0000000000c1s.1\n",
        "0000000000c1s.+1", "0000000000c1s.01", "0000000000c1s.٣",
    ])
    func `a text that no execution ID writes is refused`(text: String) {
        #expect(ExecutionID(text) == nil)
    }

    @Test func `executions are ordered by job, then by ordinal as a number`() {
        let first = JobID(rawValue: 1)
        let second = JobID(rawValue: 2)
        let sorted = [ExecutionID(first, 2), ExecutionID(first, 10), ExecutionID(second, 1)]
        #expect(sorted.shuffled().sorted() == sorted)
    }

    @Test func `IDs are coded as their text, and bad text is an error`() throws {
        let id = ExecutionID(JobID(rawValue: 7), 3)
        let json = try JSONEncoder().encode([id])
        #expect(String(decoding: json, as: UTF8.self) == "[\"0000000000007.3\"]")
        #expect(try JSONDecoder().decode([ExecutionID].self, from: json) == [id])
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([ExecutionID].self, from: Data("[\"7.3\"]".utf8)) }
        #expect(try JSONDecoder().decode([JobID].self, from: JSONEncoder().encode([id.job])) == [id.job])
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([JobID].self, from: Data("[\"7\"]".utf8)) }
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([JobID].self, from: Data("[7]".utf8)) }
    }
}
