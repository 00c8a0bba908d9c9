//! Which arguments of a function are recorded.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{Attribute, FnArg, Pat, PatType, Signature, Type};

use crate::options::Options;

/// An argument whose value goes into the span, if its type implements `Debug`.
pub(crate) struct Recorded {
    /// The name it is bound to in the function.
    pub(crate) ident: Ident,
    /// Its `#[cfg(...)]` attributes: a parameter that is configured away cannot be recorded.
    pub(crate) cfgs: Vec<Attribute>,
}

impl Recorded {
    /// The name in the span.
    pub(crate) fn name(&self) -> String {
        self.ident.unraw().to_string()
    }
}

/// Types that carry the call rather than an input of it, by their last path segment: those that rmcp and axum hand to handlers.
const CONTEXTUAL_TYPES: &[&str] = &[
    "CancellationToken",
    "Context",
    "Extension",
    "Extensions",
    "HeaderMap",
    "NotificationContext",
    "NotificationMetaObject",
    "Parts",
    "Peer",
    "PromptContext",
    "RequestContext",
    "RequestId",
    "RequestMetaObject",
    "Span",
    "State",
    "ToolCallContext",
];

/// The arguments to record, in their order: every name that the parameters bind, without `self`, skipped ones, those that start
/// with an underscore, and those of contextual types.
///
/// # Errors
///
/// A name in `skip(...)` that no parameter binds.
pub(crate) fn recorded(signature: &Signature, options: &Options) -> syn::Result<Vec<Recorded>> {
    let mut known: Vec<Ident> = Vec::new();
    let mut recorded = Vec::new();
    for parameter in &signature.inputs {
        let FnArg::Typed(PatType { attrs, pat, ty, .. }) = parameter else {
            continue;
        };
        let contextual = is_contextual(ty);
        let mut bound = Vec::new();
        bindings(pat, &mut bound);
        for ident in bound {
            let wanted = !contextual
                && !options.skip_all
                && !options.skip.contains(&ident)
                && !ident.to_string().starts_with('_');
            known.push(ident.clone());
            if wanted {
                let is_cfg = |attr: &&Attribute| attr.path().is_ident("cfg");
                let cfgs = attrs.iter().filter(is_cfg).cloned().collect();
                recorded.push(Recorded { ident, cfgs });
            }
        }
    }
    check_skips(&options.skip, &known)?;
    Ok(recorded)
}

fn check_skips(skip: &[Ident], known: &[Ident]) -> syn::Result<()> {
    let mut errors: Option<syn::Error> = None;
    for name in skip.iter().filter(|name| !known.contains(name)) {
        let message = if name == "self" {
            "`self` is never recorded".to_owned()
        } else {
            format!("the function has no argument `{name}`")
        };
        let error = syn::Error::new(name.span(), message);
        match &mut errors {
            Some(errors) => errors.combine(error),
            None => errors = Some(error),
        }
    }
    errors.map_or(Ok(()), Err)
}

/// Every name that a pattern binds. `Parameters(Search { query, .. })` binds `query`.
fn bindings(pattern: &Pat, bound: &mut Vec<Ident>) {
    match pattern {
        Pat::Ident(pattern) => bound.push(pattern.ident.clone()),
        Pat::Paren(pattern) => bindings(&pattern.pat, bound),
        Pat::Reference(pattern) => bindings(&pattern.pat, bound),
        Pat::Type(pattern) => bindings(&pattern.pat, bound),
        Pat::Struct(pattern) => pattern
            .fields
            .iter()
            .for_each(|field| bindings(&field.pat, bound)),
        Pat::Tuple(pattern) => pattern.elems.iter().for_each(|part| bindings(part, bound)),
        Pat::TupleStruct(pattern) => pattern.elems.iter().for_each(|part| bindings(part, bound)),
        Pat::Slice(pattern) => pattern.elems.iter().for_each(|part| bindings(part, bound)),
        // What remains binds nothing, or cannot stand in a parameter.
        _ => {}
    }
}

/// Whether a type, or the type behind references and `Option`, is one of [`CONTEXTUAL_TYPES`].
fn is_contextual(ty: &Type) -> bool {
    match ty {
        Type::Reference(ty) => is_contextual(&ty.elem),
        Type::Paren(ty) => is_contextual(&ty.elem),
        Type::Group(ty) => is_contextual(&ty.elem),
        Type::Path(ty) => ty.path.segments.last().is_some_and(|segment| {
            if segment.ident == "Option" {
                return option_inner(&segment.arguments).is_some_and(is_contextual);
            }
            CONTEXTUAL_TYPES.iter().any(|name| segment.ident == name)
        }),
        _ => false,
    }
}

fn option_inner(arguments: &syn::PathArguments) -> Option<&Type> {
    let syn::PathArguments::AngleBracketed(arguments) = arguments else {
        return None;
    };
    match arguments.args.first()? {
        syn::GenericArgument::Type(ty) => Some(ty),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(signature: &str, options: &str) -> Result<Vec<String>, Vec<String>> {
        let signature: Signature = syn::parse_str(signature).unwrap();
        let options: Options = syn::parse_str(options).unwrap();
        match recorded(&signature, &options) {
            Ok(recorded) => Ok(recorded.iter().map(Recorded::name).collect()),
            Err(errors) => Err(errors.into_iter().map(|error| error.to_string()).collect()),
        }
    }

    #[test]
    fn every_binding_is_recorded() {
        for (signature, expected) in [
            ("fn f()", &[][..]),
            ("fn f(&self, a: u8, mut b: String)", &["a", "b"]),
            ("fn f(self: Box<Self>, r#type: u8)", &["type"]),
            (
                "fn f(Parameters(Search { query, index: i, .. }): Parameters<Search>)",
                &["query", "i"],
            ),
            (
                "fn f((a, (b, _)): T, &c: &u8, [d, ..]: [u8; 2])",
                &["a", "b", "c", "d"],
            ),
            ("fn f(a @ (_, _): T)", &["a"]),
            ("fn f(x: impl Debug, y: &mut Y)", &["x", "y"]),
        ] {
            let expected: Vec<String> = expected.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(names(signature, ""), Ok(expected), "{signature}");
        }
    }

    #[test]
    fn contexts_and_unused_arguments_are_not_recorded() {
        let signature = "fn f(ctx: RequestContext<RoleServer>, peer: &rmcp::Peer<RoleServer>, \
                         ct: Option<&CancellationToken>, _unused: u8, a: Option<u8>)";
        assert_eq!(names(signature, ""), Ok(vec!["a".to_owned()]));
    }

    #[test]
    fn skips() {
        let signature = "fn f(&self, a: u8, r#type: u8, ctx: Context, _b: u8)";
        assert_eq!(names(signature, "skip(a)"), Ok(vec!["type".to_owned()]));
        assert_eq!(
            names(signature, "skip(r#type, ctx, _b)"),
            Ok(vec!["a".to_owned()])
        );
        assert_eq!(names(signature, "skip_all"), Ok(vec![]));
        assert_eq!(
            names(signature, "skip(x, self, a, y)"),
            Err(vec![
                "the function has no argument `x`".to_owned(),
                "`self` is never recorded".to_owned(),
                "the function has no argument `y`".to_owned(),
            ])
        );
    }

    #[test]
    fn a_configured_parameter_keeps_its_condition() {
        let signature: Signature =
            syn::parse_str("fn f(#[cfg(unix)] #[allow(unused)] a: u8)").unwrap();
        let recorded = recorded(&signature, &Options::default()).unwrap();
        let cfgs = recorded.first().map(|argument| argument.cfgs.len());
        assert_eq!(cfgs, Some(1));
    }
}
