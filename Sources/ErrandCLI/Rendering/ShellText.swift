// Words as a person would type them into a shell.

/// Writes command lines for people to copy.
enum ShellText {
    /// `words` with quotes where a shell needs them, at most 200 columns, and nothing that a terminal would obey.
    static func line(_ words: some Sequence<String>) -> String {
        TerminalText.cut(words.map { TerminalText.escaped(quoted($0)) }.joined(separator: " "), to: 200)
    }

    private static func quoted(_ word: String) -> String {
        let isPlain =
            !word.isEmpty
            && word.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "-_./:=@%+,".utf8.contains(byte) || byte >= 0x80
                }
            }
        if isPlain { return word }
        return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
