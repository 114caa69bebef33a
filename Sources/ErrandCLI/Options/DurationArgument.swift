// Durations on the command line.

import ArgumentParser
import Errand

/// Reads durations such as `30s`, `10m` or `1h30m` for flags.
enum DurationArgument {
    /// Reads a duration, zero included.
    /// - Throws: `ValidationError` that says what is wrong with it.
    static func read(_ text: String) throws -> Duration {
        do throws(DurationText.Problem) {
            return try DurationText.parse(text)
        } catch {
            throw ValidationError(error.description)
        }
    }

    /// Reads a duration longer than zero.
    /// - Throws: `ValidationError` that says what is wrong with it.
    static func readPositive(_ text: String) throws -> Duration {
        let duration = try read(text)
        guard duration > .zero else { throw ValidationError("a duration of zero makes no sense here: write 500ms, 30s, 10m, 2h or 1d") }
        return duration
    }
}
