// Written by `npm run texts` from ../en/profile.json.
export {}

declare module '../texts' {
  interface Texts {
    profile: {
      'title': {}
      'picture': {}
      'picture_choose': {}
      'picture_remove': {}
      'picture_note': {}
      'picture_large': {}
      'display_name': {}
      'display_name_help': {}
      'bio': {}
      'links': {}
      'links_help': {}
      'language': {}
      'language_browser': {}
      'time_zone': {}
      'time_zone_browser': {}
      'mail': {}
      'mail_log_in': {}
      'mail_shared': {}
      'mail_note': {}
      'shown': {}
      'save': {}
      'saved': {}
      'unchanged': {}
    }
  }
}
