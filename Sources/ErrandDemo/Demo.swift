// Why Errand exists, runnable: logs that land under the wrong job, and the same jobs with their logs where they belong.

import ErrandContext
import Glibc
import Logging

/// Plays three scenes on a real store and worker, prints what was filed where, and exits 0 only when every claim on the screen held.
@main struct Demo {
    static func main() async {
        guard CommandLine.arguments.count == 1 else {
            if ["-h", "--help"].contains(CommandLine.arguments[1]) {
                print(usage)
                exit(0)
            }
            complain("takes no arguments, see errand-demo --help")
            exit(2)
        }
        // What the process's own log would say is read from the store, where a copy of it is kept.
        LoggingSystem.bootstrap { label in
            ExecutionLogHandler(label: label, outside: SwiftLogNoOpLogHandler(label))
        }
        do {
            let failedClaims = try await DemoStore.withQueue { queue in
                var screen = Screen(colour: Colour.ofStandardOutput)
                try await SharedIDScene(queue: queue).play(on: &screen)
                try await WorkflowScene(queue: queue).play(on: &screen)
                try await ResponseScene(queue: queue).play(on: &screen)
                return screen.failedClaims
            }
            guard failedClaims.isEmpty else {
                complain("not as claimed: \(failedClaims.joined(separator: "; "))")
                exit(1)
            }
            exit(0)
        } catch {
            complain("\(error)")
            exit(1)
        }
    }

    private static let usage = """
        Usage: errand-demo

        Plays three scenes on a fresh store in a temporary directory, which it removes:
          1. three jobs with one shared "current ID", and the same jobs in execution contexts
          2. the same work as a workflow of atomic jobs, with the lineage of each
          3. a callback that fires after its job: unbound, with captured values, bound

        Exit codes: 0 every claim held, 1 one did not or the store failed, 2 bad usage.
        Colour only on a terminal, and never when NO_COLOR is set.
        """

    private static func complain(_ text: String) {
        var standardError = StandardError()
        print("errand-demo: \(text)", to: &standardError)
    }
}
