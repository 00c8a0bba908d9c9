//! The expansion that all attributes share.
//!
//! ```text
//! async fn search(query: String) -> Result<u8, Error> { BODY }
//! ```
//!
//! becomes
//!
//! ```text
//! async fn search(query: String) -> Result<u8, Error> {
//!     let call = ::mcp_telemetry::__private::CallSpan::tool("search");
//!     let call = ::mcp_telemetry::__private::argument!(call, "query", query);
//!     let body = async move { BODY };
//!     call.run(body, |returned| ::mcp_telemetry::__private::outcome!(returned)).await
//! }
//! ```
//!
//! A function that blocks calls `run_sync` with a closure instead. With the option `ret` it is `run_returning` or
//! `run_sync_returning`, which take one more closure, `|returned| ::mcp_telemetry::__private::returned!(returned)`. In a function that returns a future, the call is made and
//! its arguments are recorded when the function is called, because its statements may move the arguments; the `async` block at
//! its end becomes the body.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Block, Expr, ExprAsync, Item, ItemFn, LitStr, Stmt, Token, TraitItemFn, Type, parse_quote,
};

use crate::argument::{Recorded, recorded};
use crate::kind::Kind;
use crate::options::Options;
use crate::returned::{declared, future_output, nameable};

/// The traced function; on wrong use the function as it was, and a compile error.
pub(crate) fn expand(kind: &Kind, options: TokenStream, item: TokenStream) -> TokenStream {
    match try_expand(kind, options, item.clone()) {
        Ok(expanded) => expanded,
        Err(error) => {
            let error = error.to_compile_error();
            quote!(#item #error)
        }
    }
}

fn try_expand(kind: &Kind, options: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let options: Options = syn::parse2(options)?;
    let mut function = parse_function(kind, item)?;
    let arguments = recorded(&function.sig, &options)?;
    let name = options.name.unwrap_or_else(|| {
        let ident = &function.sig.ident;
        LitStr::new(&ident.unraw().to_string(), ident.span())
    });
    let call = Call {
        ident: Ident::new("call", generated()),
        ret: options.ret,
    };
    let begin = begin(kind, &call.ident, &name, &arguments);
    let returned = declared(&function.sig.output);
    let block = &mut function.block;

    if function.sig.asyncness.is_some() {
        let body = async_body(block, Some(returned), Some(<Token![move]>::default()));
        let run = run(&call, &body)?;
        *block = parse_quote!({ #begin #run });
    } else if let Some(future) = tail_future(block) {
        let output = future_output(&returned).flatten();
        let body = async_body(&future.block, output, future.capture);
        let run = run(&call, &body)?;
        future.block = parse_quote!({ #run });
        let statements = &block.stmts;
        *block = parse_quote!({ #begin #(#statements)* });
    } else if future_output(&returned).is_some() {
        return Err(syn::Error::new(
            returned.span(),
            format!(
                "`#[{}]` cannot see the future that this function returns: \
                 make it an `async fn`, or end it in `Box::pin(async move {{ ... }})`",
                kind.attribute
            ),
        ));
    } else {
        let run = run_sync(&call, block, returned)?;
        *block = parse_quote!({ #begin #run });
    }
    Ok(function.into_token_stream())
}

/// Reads the item, or says what it is instead of a function that can be traced.
fn parse_function(kind: &Kind, item: TokenStream) -> syn::Result<ItemFn> {
    let attribute = kind.attribute;
    let error = match syn::parse2::<ItemFn>(item.clone()) {
        Ok(function) => match function.sig.constness {
            None => return Ok(function),
            Some(constness) => {
                let message = format!("`#[{attribute}]` cannot trace a `const fn`");
                return Err(syn::Error::new(constness.span(), message));
            }
        },
        Err(error) => error,
    };
    if let Ok(function) = syn::parse2::<TraitItemFn>(item.clone()) {
        let message = format!("`#[{attribute}]` needs a function with a body");
        return Err(syn::Error::new(function.sig.ident.span(), message));
    }
    match syn::parse2::<Item>(item.clone()) {
        // The body of a function does not parse: that is the error to show.
        Ok(Item::Fn(_)) | Err(_) => Err(error),
        Ok(_) => Err(syn::Error::new_spanned(
            item,
            format!("`#[{attribute}]` goes on a function"),
        )),
    }
}

/// The span of generated code: its variables are invisible to the function's body, its paths resolve where the attribute stands.
fn generated() -> Span {
    Span::mixed_site()
}

/// Makes the call and records its arguments.
fn begin(kind: &Kind, call: &Ident, name: &LitStr, arguments: &[Recorded]) -> TokenStream {
    let constructor = Ident::new(kind.constructor, generated());
    let records = arguments.iter().map(|argument| {
        let (name, ident, cfgs) = (argument.name(), &argument.ident, &argument.cfgs);
        quote_spanned! {generated()=>
            #(#cfgs)*
            let #call = ::mcp_telemetry::__private::argument!(#call, #name, #ident);
        }
    });
    quote_spanned! {generated()=>
        let #call = ::mcp_telemetry::__private::CallSpan::#constructor(#name);
        #(#records)*
    }
}

/// A body that runs as a future.
struct AsyncBody {
    tokens: TokenStream,
    /// The function is declared `-> !`.
    never: bool,
}

/// The body as an `async` block. `returned` is the declared type, where it is known: it makes `?`, `return` and coercions mean in
/// the block what they mean in the function.
fn async_body(block: &Block, returned: Option<Type>, capture: Option<Token![move]>) -> AsyncBody {
    if matches!(returned, Some(Type::Never(_))) {
        let tokens = quote_spanned! {generated()=>
            async #capture {
                let never: ::core::convert::Infallible = #block;
                never
            }
        };
        return AsyncBody {
            tokens,
            never: true,
        };
    }
    // An `async` block has no place for its type. A `return` that is never reached tells it.
    let tokens = match returned.map(nameable) {
        None => quote_spanned!(generated()=> async #capture #block),
        Some(returned) => quote_spanned! {generated()=>
            async #capture {
                #[allow(
                    unreachable_code,
                    clippy::diverging_sub_expression,
                    clippy::empty_loop,
                    clippy::let_unit_value,
                    clippy::let_with_type_underscore,
                    clippy::needless_return,
                    clippy::needless_return_with_question_mark
                )]
                if false {
                    let returned: #returned = loop {};
                    return returned;
                }
                #block
            }
        },
    };
    AsyncBody {
        tokens,
        never: false,
    }
}

/// The call in the generated code, and what of its end is recorded.
struct Call {
    ident: Ident,
    /// The option, where it is given.
    ret: Option<Ident>,
}

impl Call {
    /// The method that runs the call, and the closures that read what it returned.
    fn end(&self, method: &str) -> (Ident, TokenStream) {
        let outcome = quote_spanned! {generated()=>
            |returned| ::mcp_telemetry::__private::outcome!(returned)
        };
        match self.ret {
            None => (Ident::new(method, generated()), outcome),
            Some(_) => (
                Ident::new(&format!("{method}_returning"), generated()),
                quote_spanned! {generated()=>
                    #outcome, |returned| ::mcp_telemetry::__private::returned!(returned)
                },
            ),
        }
    }

    /// A function that never returns has nothing to record.
    fn never_returns(&self) -> syn::Result<()> {
        let message = "this function never returns: there is nothing for `ret` to record";
        match &self.ret {
            Some(ret) => Err(syn::Error::new(ret.span(), message)),
            None => Ok(()),
        }
    }
}

/// Runs a future inside the call.
fn run(call: &Call, body: &AsyncBody) -> syn::Result<TokenStream> {
    let (ident, tokens) = (&call.ident, &body.tokens);
    if body.never {
        call.never_returns()?;
        return Ok(quote_spanned! {generated()=>
            #[allow(unreachable_code, unused_braces)]
            let body = #tokens;
            match #ident.run(body, |_| ::mcp_telemetry::__private::Outcome::Success).await {}
        });
    }
    let (run, end) = call.end("run");
    Ok(quote_spanned! {generated()=>
        #[allow(unused_braces)]
        let body = #tokens;
        #ident.#run(body, #end).await
    })
}

/// Runs a body that blocks inside the call.
fn run_sync(call: &Call, block: &Block, returned: Type) -> syn::Result<TokenStream> {
    let ident = &call.ident;
    if matches!(returned, Type::Never(_)) {
        call.never_returns()?;
        return Ok(quote_spanned! {generated()=>
            match #ident.run_sync(
                #[allow(unreachable_code)]
                move || -> ::core::convert::Infallible { #block },
                |_| ::mcp_telemetry::__private::Outcome::Success,
            ) {}
        });
    }
    let (run, end) = call.end("run_sync");
    let returned = nameable(returned);
    Ok(quote_spanned! {generated()=>
        #ident.#run(move || -> #returned #block, #end)
    })
}

/// The `async` block that a function ends in, alone or as `Box::pin(async ..)` or `async {..}.boxed()`.
fn tail_future(block: &mut Block) -> Option<&mut ExprAsync> {
    match block.stmts.last_mut()? {
        Stmt::Expr(tail, None) => future_in(tail),
        _ => None,
    }
}

fn future_in(expression: &mut Expr) -> Option<&mut ExprAsync> {
    match expression {
        Expr::Async(future) => Some(future),
        Expr::Paren(inner) => future_in(&mut inner.expr),
        Expr::Group(inner) => future_in(&mut inner.expr),
        Expr::Call(call) if is_box_pin(&call.func) => future_in(call.args.first_mut()?),
        Expr::MethodCall(call) if call.method == "boxed" || call.method == "boxed_local" => {
            future_in(&mut call.receiver)
        }
        _ => None,
    }
}

fn is_box_pin(function: &Expr) -> bool {
    let Expr::Path(path) = function else {
        return false;
    };
    let mut segments = path.path.segments.iter().rev();
    let mut next_is = |name: &str| segments.next().is_some_and(|segment| segment.ident == name);
    next_is("pin") && next_is("Box")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::TOOL;

    fn expanded(item: &str) -> String {
        let item: TokenStream = item.parse().unwrap();
        expand(&TOOL, TokenStream::new(), item).to_string()
    }

    #[test]
    fn everything_but_the_body_is_kept() {
        for item in [
            "#[doc = \"Docs.\"] #[must_use] pub(crate) async fn f<'a, T: Debug>(a: &'a T) -> &'a T where T: 'a { a }",
            "#[inline] unsafe extern \"C\" fn f(mut a: u8) { a += 1; }",
            "fn f(self: &Arc<Self>, #[cfg(unix)] (a, _b): (u8, u8)) -> Result<impl Debug, E> { Ok(a) }",
            "pub fn f() -> Pin<Box<dyn Future<Output = u8> + Send>> { let a = 1; Box::pin(async move { a }) }",
        ] {
            let before: ItemFn = syn::parse_str(item).unwrap();
            let after: ItemFn = syn::parse_str(&expanded(item)).unwrap();
            assert_eq!(after.attrs, before.attrs, "{item}");
            assert_eq!(after.vis, before.vis, "{item}");
            assert_eq!(after.sig, before.sig, "{item}");
            assert_ne!(after.block, before.block, "{item}");
        }
    }

    #[test]
    fn inner_attributes_stay_first_in_the_body() {
        let text = expanded("fn f() { #![allow(unused)] let a = 1; }");
        let body = text.split_once('{').map(|(_, body)| body.trim_start());
        assert!(body.unwrap().starts_with("# ! [allow (unused)]"), "{text}");
    }

    #[test]
    fn only_absolute_paths_are_used() {
        let text = expanded("async fn f(a: u8) -> u8 { a }");
        for (at, _) in text.match_indices("__private") {
            let before = text.get(..at).unwrap();
            assert!(before.ends_with(":: mcp_telemetry :: "), "{text}");
        }
        assert!(text.contains("CallSpan :: tool (\"f\")"), "{text}");
    }

    #[test]
    fn a_wrong_use_keeps_the_item() {
        let text = expanded("struct S;");
        assert!(text.starts_with("struct S ;"), "{text}");
        assert!(text.contains("compile_error"), "{text}");
    }
}
