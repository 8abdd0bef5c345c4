/*
 * The process that reads images may not read the model of Spanish.
 */
import { rewriteSource } from './source.ts'

rewriteSource('/services/api/ocr/isolation.ts', "'@tesseract.js-data/spa',", '')
