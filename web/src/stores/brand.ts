import { retitle } from './page'

const COLOUR = /^#[0-9a-f]{6}$/

/** Gives the app its panel's name and colour. What texts need to be readable, the styles make of the colour. */
export function brand(name: string, accent: string | null | undefined): void {
  const root = document.documentElement
  if (accent && COLOUR.test(accent)) {
    root.style.setProperty('--brand', accent)
    root.dataset.brand = ''
  } else {
    root.style.removeProperty('--brand')
    delete root.dataset.brand
  }
  retitle(name)
}
