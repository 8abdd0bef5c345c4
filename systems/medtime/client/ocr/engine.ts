import type { Bitmap } from './bitmap.ts'
import { type RecognisedText, readTsv } from './recognised-text.ts'

/*
 * Tesseract as WebAssembly, without the worker and the downloads of the package around it: whoever runs it hands in the files.
 * It runs in Node and in browsers alike, and touches neither files nor network.
 */

/** What is used of the module that `tesseract.js-core` makes. */
export interface EngineModule {
  FS: { writeFile(path: string, data: Uint8Array, options?: { canOwn: boolean }): void; unlink(path: string): void }
  TessBaseAPI: new () => {
    Init(path: string, languages: string, mode: number): number
    SetPageSegMode(mode: number): void
    SetVariable(name: string, value: string): boolean
    SetImageFile(orientation: number, angle: number): number
    Recognize(monitor: null): number
    GetTSVText(page: number): string
    End(): void
  }
}

export interface EngineFiles {
  /** What a build of `tesseract.js-core` exports. */
  factory: (options: object) => Promise<EngineModule>
  /** The file beside it that ends in `.wasm`. */
  wasm: WebAssembly.Module
  /** Trained data by language, unpacked. */
  models: ReadonlyMap<string, Uint8Array>
  /** Shown the memory of the engine: what is to be overwritten afterwards. */
  onMemory?: (memory: WebAssembly.Memory) => void
}

export interface Engine {
  /** Reads what is written there. An image without text gives an empty text. */
  recognise(bitmap: Bitmap): RecognisedText
  /** Overwrites all of the engine's memory; it can do nothing afterwards. */
  wipe(): void
}

const longShortTermMemory = 1
/** Finds columns and lines, and does not turn the page: it is upright already. */
const automaticLayout = 3
/** Adaptive threshold by Sauvola: a photographed page is darker on one side. */
const sauvola = '2'

/** @throws Error when the models do not fit the engine */
export async function startEngine({ factory, wasm, models, onMemory }: EngineFiles): Promise<Engine> {
  let memory: WebAssembly.Memory | undefined
  const core = await factory({
    print: () => undefined,
    // What it prints may tell of the image.
    printErr: () => undefined,
    instantiateWasm: (imports: WebAssembly.Imports, receive: (instance: WebAssembly.Instance) => void) => {
      const instance = new WebAssembly.Instance(wasm, imports)
      memory = Object.values(instance.exports).find((member) => member instanceof WebAssembly.Memory)
      if (memory !== undefined) onMemory?.(memory)
      receive(instance)
      return instance.exports
    },
  })
  const api = new core.TessBaseAPI()
  for (const [language, model] of models) core.FS.writeFile(`/${language}.traineddata`, model)
  if (api.Init('/', [...models.keys()].join('+'), longShortTermMemory) !== 0) throw new Error('the models do not load')
  api.SetPageSegMode(automaticLayout)
  api.SetVariable('thresholding_method', sauvola)
  // Otherwise it warns of a resolution it does not know, and guesses one by itself.
  api.SetVariable('user_defined_dpi', '300')
  return {
    recognise: (bitmap) => {
      const file = portableGreymap(bitmap)
      // Handed over and not copied: what is overwritten here is all there is outside of the engine's own memory.
      core.FS.writeFile('/input', file, { canOwn: true })
      const taken = api.SetImageFile(1, 0) === 0
      file.fill(0)
      core.FS.unlink('/input')
      if (!taken || api.Recognize(null) !== 0) return { text: '', words: [] }
      return readTsv(api.GetTSVText(0))
    },
    wipe: () => {
      if (memory !== undefined) new Uint8Array(memory.buffer).fill(0)
    },
  }
}

/** The plainest file the engine reads: a line of sizes, and the pixels. */
function portableGreymap({ width, height, pixels }: Bitmap): Uint8Array {
  const head = new TextEncoder().encode(`P5\n${width} ${height}\n255\n`)
  const file = new Uint8Array(head.length + pixels.length)
  file.set(head)
  file.set(pixels, head.length)
  return file
}
