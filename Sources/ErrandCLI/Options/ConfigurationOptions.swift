// Where errand.yaml is, for verbs that respect it.

import ArgumentParser
import ErrandHandlers
import Glibc

/// The configuration file.
struct ConfigurationOptions: ParsableArguments {
    @Option(
        name: .customLong("config"),
        help: ArgumentHelp("Handlers without Swift. Default: ERRAND_CONFIG, then ./errand.yaml if it is there.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var file: String?

    /// The configuration, or `nil` when no file is named and none lies here.
    /// - Throws: ``Failure`` with status 2 that lists everything that is wrong in it.
    func load(in session: Session) throws -> ErrandConfiguration? {
        do throws(ConfigurationError) {
            return try read(in: session)
        } catch {
            throw Failure(.usage, error.description)
        }
    }

    /// The same, for whoever wants to know more about what is wrong.
    /// - Throws: ``ConfigurationError``.
    func read(in session: Session) throws(ConfigurationError) -> ErrandConfiguration? {
        guard let path = path(in: session) else { return nil }
        return try ErrandConfiguration.load(path)
    }

    /// Where the file is; `nil` when none is named and none lies here.
    func path(in session: Session) -> String? {
        if let named = file ?? session.environment["ERRAND_CONFIG"], !named.isEmpty {
            return named.hasPrefix("/") ? named : "\(session.directory)/\(named)"
        }
        let usual = "\(session.directory)/errand.yaml"
        return access(usual, F_OK) == 0 ? usual : nil
    }
}
