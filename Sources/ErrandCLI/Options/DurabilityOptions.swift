// What acknowledgements survive, on the command line.

import ArgumentParser
import Errand

/// How durable a verb's acknowledgements are.
struct DurabilityOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            full survives a power cut; normal only the death of processes: a power cut may take back the last second's jobs and outcomes, \
            or 30 seconds while no worker runs. Default: ERRAND_DURABILITY, then full.
            """, valueName: "full|normal"),
        transform: DurabilityOptions.read)
    var durability: Durability?

    /// Reads a durability's name.
    /// - Throws: `ValidationError`.
    static func read(_ text: String) throws -> Durability {
        guard let durability = Durability(rawValue: text) else { throw ValidationError("give full or normal") }
        return durability
    }

    /// What the flag or the environment says; `nil` when neither does.
    /// - Throws: ``Failure`` with status 2 for a word that is neither.
    func resolved(in session: Session) throws -> Durability? {
        if let durability { return durability }
        guard let text = session.environment["ERRAND_DURABILITY"], !text.isEmpty else { return nil }
        guard let named = Durability(rawValue: text) else {
            throw Failure(.usage, "ERRAND_DURABILITY is \"\(TerminalText.escaped(text))\": set it to full or normal")
        }
        return named
    }
}
