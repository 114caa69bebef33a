// Reads `redact` and `encryption`.

import Errand
import FoundationEssentials

extension ConfigurationReader {
    /// What stands under `redact`.
    mutating func redaction(_ node: YAMLNode) -> RedactionSettings {
        var settings = RedactionSettings()
        for member in members(node, of: "redact", keys: ["keys", "env"]) {
            let names = texts(member)
            switch member.name {
            case "keys": settings.keys = names
            default: settings.environment = names
            }
        }
        return settings
    }

    /// What stands under `encryption`; `nil` when it names no key.
    mutating func encryption(_ node: YAMLNode) -> EncryptionSettings? {
        if let written = node.writtenKey {
            reportWrittenKey(written)
            return nil
        }
        var key: EncryptionSettings.Key?
        var older: [EncryptionSettings.Key] = []
        let members = members(node, of: "encryption", keys: ["key", "older"])
        for member in members {
            if member.name == "key" {
                key = source(member.value)
            } else if case .sequence(let nodes) = member.value.content {
                older = nodes.compactMap { source($0) }
            } else if member.value.isText {
                reportWrittenKey(member.value)
            } else {
                report(member.value, "\"older\" must be a list of keys, such as [{ env: OLD_KEY }], not \(member.value.description)")
            }
        }
        if case .mapping = node.content, !members.contains(where: { $0.name == "key" }) {
            report(node, "encryption has no \"key\": say where it is, such as key: { file: errand.key }")
        }
        return key.map { EncryptionSettings(key: $0, older: older) }
    }

    private mutating func source(_ node: YAMLNode) -> EncryptionSettings.Key? {
        guard !node.isText else {
            reportWrittenKey(node)
            return nil
        }
        let members = members(node, of: "a key", keys: ["file", "env"])
        guard members.count == 1, let member = members.first, let text = text(member.value, what: "\"\(member.name)\"") else {
            if members.count != 1 { report(node, "a key has one place: { file: PATH } or { env: NAME }") }
            return nil
        }
        let source: EncryptionSettings.Source = member.name == "file" ? .file(absolute(text)) : .environment(text)
        return EncryptionSettings.Key(source: source, line: node.line, column: node.column)
    }

    /// Without repeating it.
    private mutating func reportWrittenKey(_ node: YAMLNode) {
        report(node, "a key is not written into this file: say where it is, { file: PATH } or { env: NAME }")
    }

    private mutating func texts(_ member: YAMLNode.Member) -> [String] {
        guard case .sequence(let nodes) = member.value.content else {
            report(
                member.value, "\"\(member.name)\" must be a list of names, such as [password, \"*_token\"], not \(member.value.description)"
            )
            return []
        }
        return nodes.compactMap { node in
            guard let name = text(node, what: "a name in \"\(member.name)\"") else { return nil }
            if !name.isEmpty, !name.allSatisfy({ $0 == "*" }) { return name }
            report(node, "a name in \"\(member.name)\" that is empty or only \"*\" would hide everything: name the members that are secret")
            return nil
        }
    }
}

extension YAMLNode {
    fileprivate var isText: Bool { if case .scalar = content { !isNull } else { false } }

    /// What stands where only a place of a key may: text instead of a mapping, or, anywhere below, 32 bytes in Base64. Nothing repeats it.
    fileprivate var writtenKey: YAMLNode? { isText ? self : keyBelow }

    private var keyBelow: YAMLNode? {
        switch content {
        case .scalar(let text, _): Data(base64Encoded: text)?.count == 32 ? self : nil
        case .sequence(let nodes): nodes.lazy.compactMap(\.keyBelow).first
        case .mapping(let members): members.lazy.compactMap { $0.key.keyBelow ?? $0.value.keyBelow }.first
        }
    }
}
