// Plain commands: the payload, and the handler that runs it.

import Errand
import Foundation
import Testing

@testable import ErrandHandlers

struct CommandPayloadTests {
    @Test func `a payload is read as enqueued`() throws {
        let payload = try CommandPayload(payload: Array(#"{"argv":["ls","-l",""],"cwd":"/tmp","env":{"A":"b"}}"#.utf8))
        #expect(payload == CommandPayload(argv: ["ls", "-l", ""], cwd: "/tmp", env: ["A": "b"]))
        #expect(try JSONDecoder().decode(CommandPayload.self, from: JSONEncoder().encode(payload)) == payload)
        #expect(payload.problem == nil)
    }

    @Test(arguments: [
        (CommandPayload(argv: []), "the command is empty: give at least a program"),
        (CommandPayload(argv: [""]), "the command's program is an empty text: give a name or a path"),
        (CommandPayload(argv: ["a", "b\0"]), "argument 1 of the command holds a NUL byte, which no program can receive"),
        (
            CommandPayload(argv: ["a", String(repeating: "x", count: 131_072)]),
            "argument 1 of the command has 131072 bytes, and less than 131072 are allowed: pass long input in a file"
        ),
        (CommandPayload(argv: Array(repeating: "a", count: 4097)), "the command has 4097 arguments, and at most 4096 are allowed"),
        (CommandPayload(argv: ["a"], cwd: ""), "the command's directory is an empty text: leave it out, or give a path"),
        (CommandPayload(argv: ["a"], cwd: "/\0"), "the command's directory holds a NUL byte"),
        (CommandPayload(argv: ["a"], env: ["A=": ""]), "\"A=\" cannot be the name of an environment variable"),
        (CommandPayload(argv: ["a"], env: ["A": "\0"]), "the environment variable A holds a NUL byte"),
    ])
    func `what cannot run is refused with a reason`(payload: CommandPayload, message: String) throws {
        #expect(payload.problem == message)
        let bytes = Array(try JSONEncoder().encode(payload))
        #expect(throws: StoredError(type: "PayloadNotDecodable", message: message)) { try CommandPayload(payload: bytes) }
    }

    @Test func `commands at the limits run`() async throws {
        let long = String(repeating: "x", count: 131_071)
        let room = CommandRoom()
        _ = try await room.run(
            ["sh", "-c", "echo ${#1} ${#BIG} $#", "sh", long] + Array(repeating: "a", count: 4091),
            environment: [
                "BIG": String(repeating: "y", count: 131_072 - 5)
            ])
        #expect(room.collector.messages == ["131071 131067 4092"])
    }

    @Test func `something else than a command is refused`() throws {
        let error = #expect(throws: StoredError.self) { try CommandPayload(payload: Array(#"{"arg":[]}"#.utf8)) }
        #expect(error?.type == "PayloadNotDecodable")
        let message = try #require(error?.message)
        #expect(message.hasPrefix("the payload is no command ({\"argv\": [\"program\", \"argument\"], \"cwd\": …, \"env\": {…}}): "))
    }

    @Test func `the handler runs the payload's command in its directory`() async throws {
        let handler = commandHandler()
        #expect(handler.kind == "command" && handler.timeout == nil)
        let room = CommandRoom()
        let payload = #"{"argv":["sh","-c","pwd; echo \"$A $0 $1\"; wc -c","one","t w o"],"cwd":"/usr","env":{"A":"*"}}"#
        _ = try await handler.run(room.job(payload: payload), room.context)
        #expect(room.collector.messages == ["/usr", "* one t w o", "0"])
    }

    @Test func `a directory that is not there fails the attempt`() async throws {
        let room = CommandRoom()
        let message = "the command's directory does not exist on this worker: /nowhere"
        await #expect(throws: StoredError(type: "DirectoryNotFound", message: message)) {
            _ = try await commandHandler().run(room.job(payload: #"{"argv":["true"],"cwd":"/nowhere"}"#), room.context)
        }
    }
}
