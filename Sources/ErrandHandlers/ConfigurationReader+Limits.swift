// The `limits` of errand.yaml: what commands may use.

import Errand

extension ConfigurationReader {
    /// What stands under `limits`.
    mutating func limits(_ node: YAMLNode) -> CommandLimits {
        var limits = CommandLimits()
        for member in members(node, of: "limits", keys: ["cpu", "memory", "open_files", "file_size", "output"]) {
            switch member.name {
            case "cpu": limits.cpu = wholeSeconds(member)
            case "memory": limits.memoryBytes = size(member, atLeast: CommandLimits.leastMemory)
            case "open_files": limits.openFiles = number(member, in: CommandLimits.leastFiles...1_048_576)
            case "file_size": limits.fileBytes = size(member, atLeast: 1)
            default: limits.outputBytes = size(member, atLeast: 1)
            }
        }
        return limits
    }

    private mutating func wholeSeconds(_ member: YAMLNode.Member) -> Duration? {
        guard let duration = duration(member) else { return nil }
        guard duration.components.attoseconds == 0, duration > .zero else {
            report(member.value, "\"\(member.name)\" counts whole seconds of processor time, such as 10s or 2m")
            return nil
        }
        return duration
    }

    /// A number of bytes.
    mutating func size(_ member: YAMLNode.Member, atLeast least: Int) -> Int? {
        guard let text = text(member.value, what: "\"\(member.name)\"") else { return nil }
        do throws(ByteText.Problem) {
            let bytes = try ByteText.parse(text)
            if bytes >= least { return bytes }
            report(member.value, "\"\(member.name)\" must be \(ByteText.format(least)) or more, not \(text)")
        } catch {
            report(member.value, "\"\(member.name)\": \(error)")
        }
        return nil
    }
}
