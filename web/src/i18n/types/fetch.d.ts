// Written by `npm run texts` from ../en/fetch.json.
export {}

declare module '../texts' {
  interface Texts {
    fetch: {
      'title': {}
      'address': {}
      'address.help': {}
      'address.bad': {}
      'address.none': {}
      'name': {}
      'name.note': {}
      'replace': {}
      'verb': {}
      'at_work': {}
      'done': {}
      'failed': {}
      'cancelled': {}
    }
  }
}
