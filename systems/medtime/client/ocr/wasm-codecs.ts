import decodeJpeg, { init as initJpeg } from '@jsquash/jpeg/decode.js'
import { decode as decodePng, init as initPng } from '@jsquash/png/decode.js'
import decodeWebp, { init as initWebp } from '@jsquash/webp/decode.js'
import type { ColourPixels } from './bitmap.ts'
import type { Codec, Codecs } from './unpack-image.ts'

/** Files of the codecs' packages, compiled. */
export type Compiled = (file: string) => Promise<WebAssembly.Module>

/** The memory of the codec of PNG before its first image. */
let pristine: Uint8Array | undefined

/**
 * Codecs that are WebAssembly: a damaged image can confuse them and cannot get out of them. Each is loaded when it is used
 * first. A browser may as well unpack images by itself and hand over pixels.
 */
export function wasmCodecs(compiled: Compiled): Codecs {
  return {
    jpeg: emscripten(() => compiled('@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm'), initJpeg, decodeJpeg),
    webp: emscripten(() => compiled('@jsquash/webp/codec/dec/webp_dec.wasm'), initWebp, decodeWebp),
    png: async (bytes) => {
      const { memory } = await initPng(await compiled('@jsquash/png/codec/pkg/squoosh_png_bg.wasm'))
      pristine ??= new Uint8Array(memory.buffer).slice()
      const image = unpacked(await decodePng(exactBuffer(bytes)), memory)
      return {
        ...image,
        // This one is loaded once for all images, and goes on from what its memory was before the first.
        wipe: () => {
          image.wipe()
          if (pristine !== undefined) new Uint8Array(memory.buffer).set(pristine)
        },
      }
    },
  }
}

type Init = (overrides: {
  instantiateWasm(imports: WebAssembly.Imports, receive: (instance: WebAssembly.Instance) => void): WebAssembly.Exports
}) => Promise<void>

function emscripten(
  file: () => Promise<WebAssembly.Module>,
  init: unknown,
  decode: (bytes: ArrayBuffer) => Promise<ColourPixels>,
): Codec {
  return async (bytes) => {
    const wasm = await file()
    let memory: WebAssembly.Memory | undefined
    await asInit(init)({
      instantiateWasm: (imports, receive) => {
        const instance = new WebAssembly.Instance(wasm, imports)
        memory = Object.values(instance.exports).find((member) => member instanceof WebAssembly.Memory)
        receive(instance)
        return instance.exports
      },
    })
    return unpacked(await decode(exactBuffer(bytes)), memory)
  }
}

/** The packages' own types name a namespace they do not bring. */
function asInit(init: unknown): Init {
  if (!isInit(init)) throw new TypeError('this codec cannot be loaded')
  return init
}

function isInit(init: unknown): init is Init {
  return typeof init === 'function'
}

function unpacked({ width, height, data }: ColourPixels, memory: WebAssembly.Memory | undefined) {
  return { width, height, data, wipe: () => memory === undefined || new Uint8Array(memory.buffer).fill(0) }
}

/** The bytes as a buffer of their own; the codecs copy it into their memory. */
function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes
  return buffer instanceof ArrayBuffer && byteLength === buffer.byteLength && byteOffset === 0
    ? buffer
    : new Uint8Array(bytes).buffer
}
