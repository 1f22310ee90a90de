/**
 * The document as xterm sees it: a style element made through it puts its text into an adopted style sheet.
 * Our content security policy refuses text in style elements and allows what comes through the CSSOM.
 */
export function cspDocument(): Document {
  return new Proxy(document, {
    get(target, name) {
      if (name === 'createElement') {
        return (tag: string) => (tag === 'style' ? adoptedStyle() : target.createElement(tag))
      }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function adoptedStyle(): HTMLStyleElement {
  const sheet = new CSSStyleSheet()
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]
  // Not a real style element: the policy complains about those even when they are empty.
  const element = document.createElement('span') as HTMLElement
  element.hidden = true
  let text = ''
  Object.defineProperty(element, 'textContent', {
    get: () => text,
    set: (value: string) => {
      text = value
      sheet.replaceSync(value)
    },
  })
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => each !== sheet)
    Element.prototype.remove.call(element)
  }
  return element as HTMLStyleElement
}
