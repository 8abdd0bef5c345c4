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

export const parts: RecogniserParts = {
  start: async () => {
    const factory: (options: object) => Promise<EngineModule> = require(`${engine}.js`)
    const models = languages.map(
      (language) => [language, gunzipSync(readFileSync(require.resolve(model(language))))] as const,
    )
    return startEngine({ factory, wasm: compiled(`${engine}.wasm`), models: new Map(models) })
  },
  codecs: wasmCodecs(async (file) => compiled(file)),
}

function compiled(file: string): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(require.resolve(file)))
}
