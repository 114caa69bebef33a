// A process that performs one step and meets its fault there.

import ArgumentParser
import Errand
import FaultInjector
import Glibc

/// Performs a step and prints each acknowledgement as it comes; dies at the chosen call.
struct Victim: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Perform one step and die at the k-th call that changes a file.")

    @Argument var step: Step
    @Argument var directory: String
    @Option(help: "The call to die at, from 1; 0 counts the calls.") var at: Int64 = 0
    @Flag(help: "Die in the middle of it, if it is a write.") var torn = false
    @Flag(help: "Acknowledge before the commit: the broken variant.") var early = false

    func run() async throws {
        faults_watch(directory)
        let scene = Scene(directory: directory, isEarly: early) { Victim.say("\($0)") }
        try await step.prepare(scene)
        faults_arm(Int32(FAULTS_CHANGE), at, Int32(torn ? FAULTS_TEAR : FAULTS_KILL), 0, false)
        for call in step.calls { try await call.perform(in: scene) }
        scene.close()
        Victim.say("calls \(faults_heal())")
    }

    /// One line, at once.
    static func say(_ line: String) {
        var text = Array("\(line)\n".utf8)
        guard write(STDOUT_FILENO, &text, text.count) == text.count else { fatalError("cannot write to standard output: errno \(errno)") }
    }
}

extension Step: ExpressibleByArgument {}
