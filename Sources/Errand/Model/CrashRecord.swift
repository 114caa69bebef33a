// What a crashing process wrote down, read with suspicion: a record counts only when it is whole.

package import ErrandContext
import Glibc

/// One line of a crash file.
package struct CrashRecord: Sendable, Hashable {
    /// The signal's number.
    package var signal: Int32
    /// The address at which the fault happened; 0 when there is none to tell.
    package var address: UInt64
    /// Whether the fault lay just below the stack.
    package var isStackOverflow: Bool
    /// Whose code crashed; `nil` when nobody is certain.
    package var execution: ExecutionID?

    package init(signal: Int32, address: UInt64 = 0, isStackOverflow: Bool = false, execution: ExecutionID?) {
        self.signal = signal
        self.address = address
        self.isStackOverflow = isStackOverflow
        self.execution = execution
    }

    /// The whole records of a crash file, in the order in which they were written. A line that is cut, foreign or damaged is none.
    package static func all(in bytes: [UInt8]) -> [CrashRecord] {
        // What follows the last newline was cut.
        bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast().compactMap { CrashRecord(line: $0) }
    }

    /// The line as the signal handler writes it, without its newline: numbers are hexadecimal.
    package var line: String {
        func hexadecimal(_ number: some BinaryInteger) -> String { String(number, radix: 16) }
        return "errand-crash 1 signal=\(hexadecimal(signal)) address=\(hexadecimal(address)) overflow=\(isStackOverflow ? 1 : 0) "
            + "job=\(hexadecimal(execution?.job.rawValue ?? 0)) ordinal=\(hexadecimal(execution?.ordinal ?? 0)) end"
    }

    private init?(line: some Sequence<UInt8>) {
        let text = String(decoding: Array(line), as: UTF8.self)
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 8, words[0] == "errand-crash", words[1] == "1", words[7] == "end" else { return nil }
        func number(_ index: Int, _ name: String) -> UInt64? {
            words[index].hasPrefix(name + "=") ? UInt64(words[index].dropFirst(name.utf8.count + 1), radix: 16) : nil
        }
        guard let signal = number(2, "signal").flatMap(Int32.init(exactly:)), (1..<65).contains(signal), let address = number(3, "address"),
            let overflow = number(4, "overflow"), overflow < 2, let job = number(5, "job").flatMap(Int64.init(exactly:)),
            let ordinal = number(6, "ordinal").flatMap(Int64.init(exactly:)), job >= 0, ordinal >= 0
        else { return nil }
        self.init(
            signal: signal, address: address, isStackOverflow: overflow == 1,
            execution: ordinal == 0 ? nil : ExecutionID(JobID(rawValue: job), ordinal))
        // One text for one record: `+b`, `0b` and `B` are numbers to Swift, but nothing that the signal handler writes.
        guard self.line == text else { return nil }
    }
}

extension CrashRecord {
    /// The signal's name, and what it says when it says something.
    package var description: String {
        let names = [
            SIGILL: "SIGILL", SIGTRAP: "SIGTRAP", SIGSEGV: "SIGSEGV", SIGABRT: "SIGABRT", SIGFPE: "SIGFPE", SIGBUS: "SIGBUS",
        ]
        let name = names[signal] ?? "signal \(signal)"
        if isStackOverflow { return name + " (stack overflow)" }
        // Of the others the address is that of the instruction, which means nothing without the binary.
        guard signal == SIGSEGV || signal == SIGBUS else { return name }
        return name + " at address 0x" + String(address, radix: 16)
    }
}
