// The promise: an export opens nothing that is encrypted and hides nothing that is stored unless it is told to, and always says which.

import Foundation
import Testing

@Suite struct ExportSecretsTests {
    private static let key = Data(repeating: 7, count: 32).base64EncodedString()
    private static let other = Data(repeating: 8, count: 32).base64EncodedString()

    /// The environment with an errand.yaml of its own.
    private func configured(_ sandbox: Sandbox, _ yaml: String, name: String = "errand") throws -> [String: String] {
        let path = "\(sandbox.directory)/\(name).yaml"
        try yaml.write(toFile: path, atomically: true, encoding: .utf8)
        return ["ERRAND_CONFIG": path, "KEY": ExportSecretsTests.key, "OTHER": ExportSecretsTests.other]
    }

    @Test func `what is encrypted leaves the store sealed, opened only when asked, and is sealed again where it goes`() throws {
        let sandbox = try Sandbox()
        let here = try configured(sandbox, "encryption: { key: { env: KEY } }\n")
        #expect(try sandbox.run("enqueue", "charge", #"{"card":"4242-4242"}"#, "--key", "order", environment: here).status == 0)
        let sealed = try sandbox.run("export", environment: here)
        #expect(sealed.status == 0 && !sealed.out.contains("4242") && sealed.out.contains("payload_sealed"), "\(sealed.out)")
        let opened = try sandbox.run("export", "--decrypt", environment: here)
        #expect(opened.out.contains(#""payload":{"card":"4242-4242"}"#), "\(opened.out)")

        // With the same key elsewhere it is the same job; with another key an opened one is that one's secret.
        func imported(_ text: String, _ name: String, _ environment: [String: String]) throws -> String {
            var there = environment
            there["ERRAND_STORE"] = "\(sandbox.directory)/\(name)"
            let ended = try sandbox.run(["import", "-"], input: text, environment: there)
            #expect(ended.status == 0, "\(ended.err)")
            #expect(try !sandbox.run("export", environment: there).out.contains("4242"))
            let again = try sandbox.run("enqueue", "charge", #"{"card":"4242-4242"}"#, "--key", "order", "--json", environment: there)
            #expect(again.status == 0 && again.out.contains(#""existing":true"#), "\(again.err)")
            return try sandbox.run("show", "key:order", "--json", environment: there).out
        }
        #expect(try imported(sealed.out, "same", here).contains("4242-4242"))
        let another = try configured(sandbox, "encryption: { key: { env: OTHER } }\n", name: "other")
        #expect(try imported(opened.out, "other", another).contains("4242-4242"))

        let missing = try sandbox.run("export", "\(sandbox.directory)/none.jsonl", "--decrypt")
        #expect(missing.status == 2 && missing.err.contains("--config"))
        #expect(!FileManager.default.fileExists(atPath: "\(sandbox.directory)/none.jsonl"))
        let wrong = try sandbox.run("export", "--decrypt", environment: another)
        #expect(wrong.status == 0 && !wrong.out.contains("4242") && wrong.err.contains("stayed encrypted with the key"), "\(wrong.err)")
    }

    @Test func `a redacted export shows no secret and is not imported, and a table is always redacted`() throws {
        let sandbox = try Sandbox()
        let environment = try configured(sandbox, "redact: { keys: [card] }\n")
        #expect(try sandbox.run("enqueue", "charge", #"{"card":"4242-4242"}"#, environment: environment).status == 0)
        #expect(try sandbox.run("export", environment: environment).out.contains("4242"))
        let redacted = try sandbox.run("export", "--redact", environment: environment).out
        #expect(!redacted.contains("4242") && redacted.contains("[redacted]") && redacted.contains(#""redacted":true"#))
        #expect(try !sandbox.run("export", "--format", "csv", environment: environment).out.contains("4242"))
        let refused = try sandbox.run(
            ["import", "-"], input: redacted, environment: ["ERRAND_STORE": "\(sandbox.directory)/there"])
        #expect(refused.status == 2 && refused.err.contains("export again without --redact"), "\(refused.err)")
    }
}
