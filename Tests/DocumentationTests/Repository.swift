// The files of this repository that tests read.

import FoundationEssentials
import Testing

/// Where the repository lies, seen from this file.
enum Repository {
    /// The top directory.
    static let root = String(#filePath.dropLast("/Tests/DocumentationTests/Repository.swift".count))

    /// The text of a file, by its path from the top.
    static func text(_ path: String) throws -> String {
        let data = try #require(FileManager.default.contents(atPath: "\(root)/\(path)"), "\(path) cannot be read")
        return try #require(String(validating: data, as: UTF8.self), "\(path) is not UTF-8")
    }

    /// The files in a directory and those below it whose names end with `suffix`, by their paths from the top.
    static func files(in directory: String, endingWith suffix: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: "\(root)/\(directory)")
            .filter { $0.hasSuffix(suffix) }
            .map { "\(directory)/\($0)" }
            .sorted()
    }
}
