// Whether the databases can be read from end to end.

import Errand
import ErrandSQLite

/// Checks of the two files of a store.
struct DatabaseChecks {
    let directory: String
    /// Whether the files are left unread.
    let isQuick: Bool

    /// One finding for each file that there is.
    func findings() -> [Finding] {
        ["queue.db", "logs.db"].compactMap { name in
            let path = "\(directory)/\(name)"
            guard let bytes = FileChecks.size(of: path) else { return nil }
            guard !isQuick else {
                return Finding(check: "pages", level: .ok, message: "\(name): not read, as --quick asks (\(ByteText.short(bytes)))")
            }
            return finding(name, path, bytes)
        }
    }

    private func finding(_ name: String, _ path: String, _ bytes: Int) -> Finding? {
        switch DatabaseCheck.quick(path) {
        case .missing: nil
        case .sound:
            Finding(
                check: "pages", level: .ok,
                message:
                    "\(name): every page of \(ByteText.short(bytes)) reads well; not whether indexes agree with tables, which `\(Session.program) backup` compares"
            )
        case .damaged(let findings, let advice):
            Finding(
                check: "pages", level: .failure,
                message: Session.current.inOwnName(
                    "\(name) is damaged: \(findings.joined(separator: "; "))\(advice.isEmpty ? "" : ": \(advice)")"))
        case .unchecked(let error):
            Finding(check: "pages", level: .warning, message: Session.current.inOwnName("\(name) was not checked: \(error)"))
        }
    }
}
