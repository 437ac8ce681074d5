//! A Crisp website id as people type or paste it.

use crisp_client::WebsiteId;
use uuid::Uuid;

/// The longest text that is looked at, in bytes: a dashboard address has about a hundred.
const MAX_BYTES: usize = 2_048;
/// A UUID in its usual form: 8-4-4-4-12 hexadecimal digits.
const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

/// Understands an id with blanks around it or in capitals, and a pasted address of Crisp's dashboard that holds one.
///
/// An address with two different ids (`…/website/<id>/inbox/session_<id>`) means the first: the website comes first
/// in Crisp's own. A session id is never taken for a website's.
pub fn parse_website_id(text: &str) -> Option<WebsiteId> {
    let text = text.trim_matches(|character: char| character.is_whitespace() || character == '\u{feff}');
    if text.len() > MAX_BYTES {
        return None;
    }
    if let Some(id) = exactly(text) {
        return Some(id);
    }
    let address = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let path = match &address {
        Some(url) => format!("{}?{}#{}", url.path(), url.query().unwrap_or(""), url.fragment().unwrap_or("")),
        // Pasted without the scheme, as browsers show it.
        None if text.contains('/') && !text.contains(char::is_whitespace) => text.to_owned(),
        None => return None,
    };
    path.split(['/', '?', '#', '&', '=']).find_map(exactly)
}

fn exactly(text: &str) -> Option<WebsiteId> {
    let groups: Vec<&str> = text.split('-').collect();
    let formed = groups.len() == GROUPS.len()
        && groups.iter().zip(GROUPS).all(|(group, length)| {
            group.len() == length && group.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
    let id = formed.then(|| Uuid::parse_str(text).ok()).flatten()?;
    (!id.is_nil() && !id.is_max()).then(|| WebsiteId::new(id))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "8c842203-7ed8-4e29-a608-7cf78a7d2fcc";

    #[test]
    fn an_id_is_understood_as_people_paste_it() {
        for form in [
            ID.to_owned(),
            format!("  {ID}\n"),
            ID.to_uppercase(),
            format!("https://app.crisp.chat/website/{ID}/inbox/"),
            format!("https://app.crisp.chat/settings/website/{ID}/"),
            format!("app.crisp.chat/website/{}/contacts", ID.to_uppercase()),
            format!(
                "https://app.crisp.chat/website/{ID}/inbox/session_6f0b2c1a-8d34-4e57-b1a9-0c5d7e9f1234/"
            ),
            format!("https://app.crisp.chat/?website_id={ID}&x=1"),
        ] {
            assert_eq!(parse_website_id(&form).map(|id| id.to_string()).as_deref(), Some(ID), "{form}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for odd in [
            "",
            "northwind",
            "8c8422037ed84e29a6087cf78a7d2fcc",
            "8c842203-7ed8-4e29-a608-7cf78a7d2fc",
            "{8c842203-7ed8-4e29-a608-7cf78a7d2fcc}",
            "00000000-0000-0000-0000-000000000000",
            "https://app.crisp.chat/",
            "session_6f0b2c1a-8d34-4e57-b1a9-0c5d7e9f1234",
            "https://app.crisp.chat/inbox/session_6f0b2c1a-8d34-4e57-b1a9-0c5d7e9f1234",
            "my id is 8c842203-7ed8-4e29-a608-7cf78a7d2fcc I think",
            "8c842203-7ed8-4e29-a608-7cf78a7d2fcg",
        ] {
            assert_eq!(parse_website_id(odd), None, "{odd}");
        }
        assert_eq!(parse_website_id(&format!("{}{ID}", " ".repeat(10)).repeat(100)), None);
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in any::<String>()) {
            let _ = parse_website_id(&text);
        }
    }
}
