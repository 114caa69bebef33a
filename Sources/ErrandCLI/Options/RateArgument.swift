// Rates on the command line.

import ArgumentParser
import Errand

/// Reads rates such as `10/s` or `100/m,20` for flags.
enum RateArgument {
    /// Reads a rate; its range is checked where it is set.
    /// - Throws: `ValidationError` that says what to write.
    static func read(_ text: String) throws -> RateLimit {
        do throws(RateText.Problem) {
            return try RateText.parse(text)
        } catch {
            throw ValidationError(error.description)
        }
    }
}
