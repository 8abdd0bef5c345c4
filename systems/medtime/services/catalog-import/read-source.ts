import type { Facts } from './facts.ts'
import { FactsCollector, type SourceLine } from './facts.ts'
import type { Identity } from './identity.ts'
import { ImportError } from './import-error.ts'
import type { MedicineSource } from './source.ts'
import { readCofepris } from './sources/cofepris.ts'
import { readDrugsAtFda } from './sources/drugs-at-fda.ts'
import { readEma } from './sources/ema.ts'
import { readEmaRxNorm } from './sources/ema-rxnorm.ts'
import { type RxNormFile, readRxNorm } from './sources/rxnorm.ts'
import { readStarter } from './sources/starter.ts'
import { RejectionCounter } from './summary.ts'

export interface ReadSource {
  facts: Map<string, Facts>
  counter: RejectionCounter
}

/** Of a sound file most lines are understood; one that is mostly not is another file, or in another format. */
const rejectedShare = 0.6

/**
 * Reads the files of a source from end to end.
 * @param files one, or RXNCONSO and RXNSAT for `rxnorm`
 * @throws ImportError when it tells nothing, or most of it is not understood
 */
export async function readSource(
  source: MedicineSource,
  files: readonly RxNormFile[],
  identity: Identity,
  signal?: AbortSignal,
): Promise<ReadSource> {
  const collector = new FactsCollector()
  const counter = new RejectionCounter()
  for await (const line of linesOf(source, files)) {
    signal?.throwIfAborted()
    counter.lines++
    if ('rejected' in line) counter.add(line.line, line.rejected)
    else collector.add(identity.keyOf(line.told.ingredients), line.told)
  }
  const facts = collector.facts()
  if (facts.size === 0) throw new ImportError(`Nothing in the file tells of a medicine, in ${counter.lines} lines`)
  if (counter.rejected > counter.lines * rejectedShare) {
    throw new ImportError(
      `${counter.rejected} of ${counter.lines} lines are not understood: ${counter.all()[0]?.reason}`,
    )
  }
  return { facts, counter }
}

function linesOf(source: MedicineSource, files: readonly RxNormFile[]): AsyncGenerator<SourceLine> {
  const [first, second] = files
  if (first === undefined) throw new ImportError('No file was given')
  const { path, encoding } = first
  switch (source) {
    case 'starter':
      return readStarter(path, encoding)
    case 'ema':
      return readEma(path, encoding)
    case 'cofepris':
      return readCofepris(path, encoding)
    case 'ema-rxnorm':
      return readEmaRxNorm(path, encoding)
    case 'drugs-at-fda':
      return readDrugsAtFda(path, encoding)
    case 'rxnorm':
      if (second === undefined) throw new ImportError('RxNorm needs two files: RXNCONSO.RRF and RXNSAT.RRF')
      return readRxNorm(first, second)
  }
}
