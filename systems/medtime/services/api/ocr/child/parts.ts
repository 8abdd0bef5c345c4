import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { gunzipSync } from 'node:zlib'
import { type EngineModule, startEngine } from '../../../../client/ocr/engine.ts'
import type { RecogniserParts } from '../../../../client/ocr/recognise.ts'
import { wasmCodecs } from '../../../../client/ocr/wasm-codecs.ts'

/*
 * The engine and the codecs, from the files of their packages. The folders that are read here are those that the process may
 * read: `isolation.ts` names them.
 */

const require = createRequire(import.meta.url)
const engine = 'tesseract.js-core/tesseract-core-relaxedsimd-lstm'
/** Integer models: as good as the others on print, a third of their size, and faster. */
const model = (language: string) => `@tesseract.js-data/${language}/4.0.0_best_int/${language}.traineddata.gz`
const languages = ['spa', 'eng'] as const

export async function loadParts(): Promise<RecogniserParts> {
  const compiled = async (file: string) => new WebAssembly.Module(readFileSync(require.resolve(file)))
  const factory: (options: object) => Promise<EngineModule> = require(`${engine}.js`)
  return {
    engine: await startEngine({
      factory,
      wasm: await compiled(`${engine}.wasm`),
      models: new Map(
        languages.map((language) => [language, gunzipSync(readFileSync(require.resolve(model(language))))]),
      ),
    }),
    codecs: wasmCodecs(compiled),
  }
}
