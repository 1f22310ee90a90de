/**
 * Stands in for the style elements that libraries make (see vite.config.ts): their text goes into an adopted
 * style sheet. Our content security policy refuses text in style elements and allows what comes by the CSSOM.
 */
class AdoptedStyle extends HTMLElement {
  readonly sheet = new CSSStyleSheet()

  connectedCallback(): void {
    this.hidden = true
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, this.sheet]
  }

  disconnectedCallback(): void {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => each !== this.sheet)
  }

  override appendChild<T extends Node>(node: T): T {
    this.sheet.replaceSync(node.textContent ?? '')
    return node
  }
}

Object.defineProperty(AdoptedStyle.prototype, 'textContent', {
  get: () => '',
  set(this: AdoptedStyle, text: string | null) {
    this.sheet.replaceSync(text ?? '')
  },
})

if (!customElements.get('warren-style')) customElements.define('warren-style', AdoptedStyle)
