import { levelOf, type ProofsOfSystem, sayProof } from './proofs-of-system.ts'

/**
 * Commands that GitHub Actions reads from what a step prints, so that each promise that is not proven is marked where the plan makes it. Proven ones are
 * counted only: a workflow shows ten marks a step.
 */
export function proofsAsGithub(systems: readonly ProofsOfSystem[]): string {
  const lines = systems.flatMap(({ system, proofs, placeOf }) => {
    const proven = proofs.filter(({ verdict }) => verdict === 'proven').length
    const marks = proofs.flatMap((proof) => {
      const level = levelOf[proof.verdict]
      if (level === 'pass') return []
      const { file, line, column } = placeOf(proof)
      const properties = Object.entries({
        file,
        line,
        col: column,
        title: `${system}: ${proof.guarantee.id} ${proof.verdict}`,
      })
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name}=${escapedProperty(String(value))}`)
      return [`::${level} ${properties.join(',')}::${escaped(sayProof(proof))}`]
    })
    return [...marks, `${system}: ${proven} of ${proofs.length} promises proven.`]
  })
  return `${lines.join('\n')}\n`
}

function escaped(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function escapedProperty(text: string): string {
  return escaped(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
