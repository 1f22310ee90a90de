import { lazyRouteComponent } from '@tanstack/react-router'
import { type ComponentType, createElement, lazy, type ReactNode } from 'react'
import { useLanguage } from '~/stores/language'
import { ready } from './texts'

/**
 * A component that is drawn again, with all below it, when the language changes. Texts are read while drawing, so this
 * is all that a change takes: no component below has to know.
 */
export function spoken<P extends object>(Drawn: ComponentType<P>): (props: P) => ReactNode {
  return function Spoken(props: P) {
    useLanguage()
    return createElement(Drawn, props)
  }
}

/** A route's page: its code, and then the texts that this code wants. */
// Nothing is asked of the export's type: what a page returns hangs on the routes, which hang on this.
export function page<M, N extends keyof M & string>(load: () => Promise<M>, name: N) {
  return lazyRouteComponent(async () => {
    const loaded = await load()
    await ready()
    return { Page: spoken(loaded[name] as ComponentType) }
  }, 'Page')
}

/** As `page`, for a part of one. */
export function part<P extends object>(load: () => Promise<{ default: ComponentType<P> }>) {
  return lazy(async () => {
    const { default: Part } = await load()
    await ready()
    return { default: Part }
  })
}
