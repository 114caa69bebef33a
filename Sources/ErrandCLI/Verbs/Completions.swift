// `errand completions`: the script that makes a shell complete command lines, with what is in the store.

import ArgumentParser
import Errand

struct Completions: AsyncParsableCommand {
    // Computed, since the name is that of the program that runs.
    static var configuration: CommandConfiguration {
        let program = Session.program
        return CommandConfiguration(
            abstract: "Print a script that completes command lines in a shell: flags, and the store's jobs, queues, kinds and workers.",
            discussion: """
                bash: `\(program) completions bash > ~/.local/share/bash-completion/completions/\(program)`
                zsh: `\(program) completions zsh > DIRECTORY/_\(program)`, a directory of $fpath
                fish: `\(program) completions fish > ~/.config/fish/completions/\(program).fish`

                Exit codes: 0 printed, 2 bad usage.
                """)
    }

    @Argument(
        help: ArgumentHelp("bash, zsh or fish.", valueName: "shell"), completion: .list(CompletionShell.allCases.map(\.rawValue)),
        transform: { text in
            guard let shell = CompletionShell(rawValue: text) else {
                throw ValidationError("\"\(TerminalText.cut(text, to: 40))\" is no shell that is known: write bash, zsh or fish")
            }
            return shell
        })
    var shell: CompletionShell

    func run() async throws {
        try Session.current.output.line(ErrandCommand.completionScript(for: shell))
        try Session.current.output.flush()
    }
}
