// How much of the disk a command leaves alone.

import ArgumentParser
import Errand

/// The reserve of the store's file system.
struct ReserveOptions: ParsableArguments {
    @Option(
        name: .customLong("reserve"),
        help: ArgumentHelp(
            "Take in and start no job with less than this free on the store's disk. Default: ERRAND_RESERVE, then a sixteenth of the disk, 64MiB at most.",
            valueName: "bytes"),
        transform: ReserveOptions.read)
    var bytes: Int?

    /// The reserve that the flag or the environment names; `nil` is the store's default.
    /// - Throws: ``Failure`` with status 2 for a variable that says no amount.
    func resolved(in session: Session) throws -> Int? { try bytes ?? ReserveOptions.named(in: session) }

    /// The reserve that the environment names.
    /// - Throws: ``Failure`` with status 2 for a variable that says no amount.
    static func named(in session: Session) throws -> Int? {
        guard let text = session.environment["ERRAND_RESERVE"], !text.isEmpty else { return nil }
        do throws(ByteText.Problem) {
            return text == "0" ? 0 : try ByteText.parse(text)
        } catch {
            throw Failure(.usage, "ERRAND_RESERVE: \(error)")
        }
    }

    private static func read(_ text: String) throws -> Int {
        do throws(ByteText.Problem) {
            return text == "0" ? 0 : try ByteText.parse(text)
        } catch {
            throw ValidationError(error.description)
        }
    }
}
