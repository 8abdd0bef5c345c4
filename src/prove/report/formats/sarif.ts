import type { Log, ReportingDescriptor, Result, Run } from 'sarif'
import { levelOf, type ProofsOfSystem, sayProof } from './proofs-of-system.ts'

/**
 * SARIF 2.1.0: a run a system, a rule a promise, a result a verdict. A proof keeps its place among the results of a branch by the promise it is about,
 * wherever the plan moves it.
 */
export function proofsAsSarif(systems: readonly ProofsOfSystem[], version: string): string {
  const log: Log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: systems.map((each) => runOf(each, version)),
  }
  return `${JSON.stringify(log, null, 2)}\n`
}

function runOf({ system, proofs, placeOf }: ProofsOfSystem, version: string): Run {
  const rules = proofs.map(
    ({ guarantee }): ReportingDescriptor => ({ id: guarantee.id, shortDescription: { text: guarantee.claim } }),
  )
  const results = proofs.map((proof, ruleIndex): Result => {
    const { file, line, column } = placeOf(proof)
    const level = levelOf[proof.verdict]
    return {
      ruleId: proof.guarantee.id,
      ruleIndex,
      ...(level === 'pass' ? { kind: 'pass', level: 'none' } : { kind: 'fail', level }),
      message: { text: sayProof(proof) },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: encodeURI(file), uriBaseId: 'SRCROOT' },
            ...(line === undefined ? {} : { region: { startLine: line, startColumn: column ?? 1 } }),
          },
        },
      ],
      partialFingerprints: { 'promise/v1': `${system}/${proof.guarantee.id}` },
      properties: { verdict: proof.verdict },
    }
  })
  return {
    tool: { driver: { name: 'Aval', semanticVersion: version, rules } },
    automationDetails: { id: `aval/${system}/` },
    columnKind: 'utf16CodeUnits',
    results,
  }
}
