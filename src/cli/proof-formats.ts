import { relative } from 'node:path'
import type { System } from '../project/project.ts'
import { proofsAsGithub } from '../prove/report/formats/github.ts'
import { proofsAsJunit } from '../prove/report/formats/junit.ts'
import type { ProofsOfSystem } from '../prove/report/formats/proofs-of-system.ts'
import { proofsAsSarif } from '../prove/report/formats/sarif.ts'
import type { Proof } from '../prove/report/proof.ts'
import { version } from './version.ts'

const formats = {
  sarif: (systems: readonly ProofsOfSystem[]) => proofsAsSarif(systems, version()),
  junit: proofsAsJunit,
  github: proofsAsGithub,
} as const

export type ProofFormat = keyof typeof formats

export const proofFormats: readonly string[] = Object.keys(formats)

/**
 * Proofs as another tool reads them; those that were never tried are left out.
 * @param root of the repository: places are told as paths from there, as whoever reads a pull request knows them
 */
export function inFormat(
  format: ProofFormat,
  told: readonly { system: System; proofs: readonly Proof[] }[],
  root: string,
): string {
  return formats[format](
    told.map(({ system, proofs }) => ({
      system: system.name,
      proofs: proofs.filter(({ verdict }) => verdict !== 'unproven'),
      placeOf: ({ guarantee }) => {
        const { file, line, column } = system.locate(guarantee.path, 'key')
        return { file: relative(root, file), line, column }
      },
    })),
  )
}
